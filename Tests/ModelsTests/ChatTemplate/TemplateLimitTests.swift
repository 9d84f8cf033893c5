import Foundation
import Models
import Testing

/// Templates come with checkpoints: hostile ones end in an error, soon and within bounds.
@Suite struct TemplateLimitTests {
    private func error(_ source: String, _ edit: (inout TemplateLimits) -> Void = { _ in }) -> TemplateError? {
        var limits = TemplateLimits()
        limits.steps = 20_000
        limits.length = 100_000
        edit(&limits)
        do throws(TemplateError) {
            _ = try ChatTemplate(source: source, limits: limits)
                .render([], addGenerationPrompt: false, variables: ["deep": deep])
            return nil
        } catch {
            return error
        }
    }

    private var deep: TemplateValue { (0..<100).reduce(TemplateValue.none) { value, _ in .list([value]) } }

    @Test(arguments: [
        "{% for i in range(100000) %}{% endfor %}",
        "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
        "{{ range(10 ** 18) }}", "{{ range(-9223372036854775807, 9223372036854775807) | length }}",
        "{{ 'a' * 1000000000000 }}", "{{ 'ab' * 9223372036854775807 }}", "{{ [1] * 3 }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s | replace('', 'x') %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s | replace('a', 'aaaa') %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[]) %}{% for i in range(900) %}{% set ns.s = [ns.s] %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self | tojson }}{{ ns }}",
        """
        {% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}\
        {% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}
        """,
        "{% set a = 'a' * 90000 %}{% for i in range(9) %}{{ (a ~ 'b') in a }}{% endfor %}",
        "{% set a = 'a' * 90000 %}{% for i in range(20) %}{{ a < a }}{% endfor %}",
        "{% set a = 'a' * 90000 %}{% set d = {'k': 1} %}{% for i in range(9) %}{{ d[a] }}{{ a in d }}{% endfor %}",
        "{% for i in range(2500) %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{{ f([a]) }}{% endmacro %}{{ f(1) }}",
        "{{ 'x' | indent(999999999) }}", "{{ [1] | tojson(indent=999999999) }}", "{{ [[1]] | tojson(indent=90000) }}",
        "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 99999999999999999999 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) % -1 + 1 / 0 }}",
        "{{ 'abc'[::0] }}", "{{ 'abc'[1::9223372036854775807] ~ range(1, 5, 9223372036854775807) ~ 1 // 0 }}",
        "{{ 'abc'[1::-9223372036854775807 - 1] ~ 1 // 0 }}",
        "{{ 'abc'[9223372036854775807:-9223372036854775807:-9223372036854775807] ~ 1 // 0 }}",
        "{{ strftime_now('%c' * 200) }}",
        "{% include 'x' %}", "{% import 'x' as y %}", "{% raw %}{% endraw %}", "{{ ''.__class__() }}", "{{ f(*x) }}",
        "{{ [1, 2] }}", "{{ {} }}", "{{ '%s' % 'a' }}",
    ])
    func `a hostile template is an error`(source: String) {
        #expect(error(source) != nil)
    }

    @Test(arguments: [
        String(repeating: "(", count: 50_000), String(repeating: "[", count: 50_000),
        "{{ " + String(repeating: "(", count: 50_000) + "1", "{{ " + String(repeating: "not ", count: 50_000) + "1 }}",
        "{{ " + String(repeating: "-", count: 50_000) + "1 }}",
        "{{ 1" + String(repeating: " + 1", count: 30_000) + " }}",
        "{{ 'a'" + String(repeating: " ~ 'a'", count: 30_000) + " }}",
        "{{ a" + String(repeating: ".b", count: 50_000) + " }}",
        "{{ a" + String(repeating: "|trim", count: 30_000) + " }}",
        "{{ a" + String(repeating: "[0]", count: 30_000) + " }}",
        "{{ a" + String(repeating: " if b else a", count: 10_000) + " }}",
        "{{ a" + String(repeating: " or a", count: 30_000) + " }}",
        String(repeating: "{% if 1 %}", count: 20_000), String(repeating: "{% for a in b %}", count: 10_000),
        "{{ a is" + String(repeating: " x is", count: 20_000) + " }}", String(repeating: "x", count: 1 << 19),
        "{{ " + String(repeating: "{'a':", count: 20_000),
    ])
    func `deep or long source is refused before it can exhaust the stack`(source: String) {
        #expect(source.contains("{") ? error(source) != nil : true)
        #expect(error("{% if 1 %}" + source) != nil)
    }

    @Test func `values of a request that nest too deep are refused`() {
        #expect(error("{{ deep | tojson }}") == nil)
        #expect(error("{{ deep | tojson }}") { $0.depth = 50 } != nil)
    }

    @Test func `limits are named with the line`() {
        let source = "\n\n{% for i in range(5000) %}{{ i }}{{ i }}{% endfor %}"
        #expect(error(source) == .limit(line: 3, what: "steps", limit: 20_000))
        let found = error("{% for i in range(9) %}{{ 'x' * 50 }}{% endfor %}") { $0.length = 200 }
        #expect(found == .limit(line: 1, what: "characters of output", limit: 200))
    }

    @Test func `loops within loops end at the default limit`() {
        let source = "{% for a in range(1000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"
        let limit = TemplateLimits().steps
        #expect(limit <= 200_000)
        #expect(error(source) { $0 = TemplateLimits() } == .limit(line: 1, what: "steps", limit: limit))
    }

    @Test(arguments: ChatTemplateGoldenTests.names)
    func `a tenth of the default limit does for a tenth of a long context`(name: String) throws {
        var limits = TemplateLimits()
        limits.steps /= 10
        let template = try ChatTemplate(source: TemplateFixtures.source(name), limits: limits)
        let text = String(repeating: "word ", count: 200)
        let messages = (0..<40).map {
            ChatMessage(role: $0.isMultiple(of: 2) ? "user" : "assistant", content: [.text(text)])
        }
        let prompt = try template.render(
            messages, addGenerationPrompt: true,
            variables: ["bos_token": .trusted("<s>"), "date_string": .trusted("1")])
        #expect(prompt.plain.utf8.count > 40 * 990)
    }

    @Test func `errors say where and what`() {
        #expect(error("a\n{{ x | upsidedown }}")?.description.contains("the filter upsidedown at line 2") == true)
        #expect(error("{{ raise_exception('no') }}") == .raised(message: "no"))
    }
}

import Foundation
import Models
import Testing

@testable import Inference

/// Schemas and answers by chance, judged by a reading of JSON Schema that knows nothing of the compiler.
@Suite(.aside, .timeLimit(.minutes(10)))
struct RandomSchemaTests {
    /// As many as the issue asks for take minutes in a debug build.
    static let schemas = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] == nil ? 50 : 1000

    @Test func `whatever the masks let through is valid JSON of its schema`() async throws {
        let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap(Int.init) ?? 20_261_126
        print("random schemas: seed \(seed), \(Self.schemas) schemas")
        let compiler = try ConstraintReading.mini()
        let tokenizer = try ConstraintReading.miniTokenizer.get()
        var generator = SchemaGenerator(SeededGenerator(seed)), random = SeededGenerator(seed + 1)
        var compiled = 0, whole = 0, refused = 0
        while compiled < Self.schemas {
            // Other tests wait for the thread.
            await Task.yield()
            let schema = generator.document()
            guard let constraint = try Self.constraint(compiler, schema) else {
                refused += 1
                continue
            }
            compiled += 1
            for _ in 0..<2 {
                let walk = try RandomWalk(constraint, tokenizer, using: &random)
                guard walk.isWhole else { continue }
                whole += 1
                try Self.judge(walk.text, schema)
            }
        }
        #expect(whole > 19 * compiled / 10, "\(whole) of \(2 * compiled) walks came to an end")
        #expect(refused < compiled / 5)
    }

    /// Nil for a schema that nothing satisfies, or that `allOf` makes ask for a pattern and a length at once.
    private static func constraint(_ compiler: ConstraintCompiler, _ schema: JSONValue) throws -> Constraint? {
        do { return try compiler.compile(.jsonSchema(schema.text)) } catch {
            switch error {
            case .unsatisfiable, .unsupportedKeyword: return nil
            default: throw error
            }
        }
    }

    private static func judge(_ text: String, _ schema: JSONValue) throws {
        var text = text
        do {
            let value = try text.withUTF8 {
                try JSONValue.parse(UnsafeRawBufferPointer($0), name: "the answer", mostValues: 1_000_000)
            }
            #expect(SchemaValidator(root: schema).isValid(value, schema), "\(text)\nfor \(schema.text)")
        } catch let error as ModelError {
            // An automaton does not remember the names of free members; JSON allows one twice, our reader does not.
            #expect("\(error)".contains("twice"), "\(error): \(text)\nfor \(schema.text)")
        }
    }
}

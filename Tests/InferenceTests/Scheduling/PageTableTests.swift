import Models
import Testing

@testable import Inference

struct PageTableTests {
    private static func key(_ parent: PageKey.ContentNumber, _ tokens: [Int32]) -> PageKey {
        PageKey(parent: parent, tokens: tokens, images: [])
    }

    @Test func `pages come from the free ones and go back to them`() {
        var table = PageTable(pages: 5)
        let first = table.allocate(2) ?? [], second = table.allocate(3) ?? []
        #expect(Set(first + second) == [0, 1, 2, 3, 4])
        #expect(table.allocate(1) == nil)
        table.release(first)
        #expect(table.available == 2)
        #expect(table.used == 3)
        #expect(table.allocate(3) == nil)
        #expect(table.available == 2)
    }

    @Test func `a shared page is free when its last holder lets go`() {
        var table = PageTable(pages: 2)
        let pages = table.allocate(1) ?? []
        table.retain(pages)
        table.release(pages)
        #expect(table.used == 1)
        table.release(pages)
        #expect(table.used == 0)
    }

    @Test func `a page given back is found by its content until its memory is needed`() {
        var table = PageTable(pages: 3)
        let pages = table.allocate(2) ?? []
        let first = table.register(pages[0], as: Self.key(PageKey.root, [1, 2]))
        _ = table.register(pages[1], as: Self.key(first, [3, 4]))
        table.release(pages)
        #expect(table.cached == 2)
        #expect(table.content(for: Self.key(first, [3, 4]))?.page == pages[1])
        // The end of the prefix goes before its beginning, and both after the free page.
        _ = table.allocate(2)
        #expect(table.content(for: Self.key(first, [3, 4])) == nil)
        #expect(table.content(for: Self.key(PageKey.root, [1, 2]))?.page == pages[0])
    }

    @Test func `the longest idle content is forgotten first`() {
        var table = PageTable(pages: 2)
        let pages = table.allocate(2) ?? []
        let keys = [Self.key(PageKey.root, [1]), Self.key(PageKey.root, [2])]
        for (page, key) in zip(pages, keys) { _ = table.register(page, as: key) }
        table.release([pages[0]])
        table.release([pages[1]])
        table.retain([pages[0]])  // used again: now the younger of the two
        table.release([pages[0]])
        #expect(table.allocate(1) == [pages[1]])
        #expect(table.content(for: keys[0]) != nil)
    }

    @Test func `equal content computed twice is remembered once`() {
        var table = PageTable(pages: 2)
        let pages = table.allocate(2) ?? []
        let key = Self.key(PageKey.root, [7])
        #expect(table.register(pages[0], as: key) == table.register(pages[1], as: key))
        table.release(pages)
        #expect(table.cached == 1)
        #expect(table.content(for: key)?.page == pages[0])
    }

    @Test func `content after different beginnings is different content`() {
        var table = PageTable(pages: 4)
        let pages = table.allocate(4) ?? []
        let first = table.register(pages[0], as: Self.key(PageKey.root, [1]))
        let second = table.register(pages[1], as: Self.key(PageKey.root, [2]))
        _ = table.register(pages[2], as: Self.key(first, [9]))
        #expect(table.content(for: Self.key(second, [9])) == nil)
    }

    /// Against a plain model: a dictionary of who holds what.
    @Test(arguments: 0..<20)
    func `any order of taking, sharing and giving back keeps the books right`(seed: Int) {
        var random = SeededGenerator(seed)
        var table = PageTable(pages: 12)
        var holders: [[Int32]] = []
        for turn in 0..<400 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                let wanted = Int.random(in: 1...5, using: &random)
                let available = table.available
                let pages = table.allocate(wanted)
                #expect((pages != nil) == (wanted <= available))
                guard let pages else { continue }
                var parent = PageKey.root
                for page in pages where Bool.random(using: &random) {
                    parent = table.register(page, as: Self.key(parent, [Int32(turn % 7)]))
                }
                holders.append(pages)
            case 2:
                guard let shared = holders.randomElement(using: &random) else { continue }
                table.retain(shared)
                holders.append(shared)
            case 3:
                let key = Self.key(PageKey.root, [Int32.random(in: 0..<7, using: &random)])
                guard let content = table.content(for: key) else { continue }
                table.retain([content.page])
                holders.append([content.page])
            default:
                guard let index = holders.indices.randomElement(using: &random) else { continue }
                table.release(holders.remove(at: index))
            }
            var counts: [Int32: Int] = [:]
            for page in holders.joined() { counts[page, default: 0] += 1 }
            for page in 0..<12 { #expect(table.references(of: Int32(page)) == counts[Int32(page)] ?? 0) }
            #expect(table.used == counts.count)
            #expect(table.used + table.available == table.count)
        }
        holders.forEach { table.release($0) }
        #expect(table.used == 0)
        #expect(table.allocate(12)?.sorted() == Array(0..<12))
    }
}

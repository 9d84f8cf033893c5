/// How a token's three positions (time, row, column) share the pairs of a head (M-RoPE; Wang et al. 2024,
/// arXiv:2409.12191).
struct RotaryAxes: Sendable, Equatable {
    enum Axis: Int, Sendable, CaseIterable {
        case time, row, column

        func coordinate(of position: GridPosition) -> Int32 {
            switch self {
            case .time: position.time
            case .row: position.row
            case .column: position.column
            }
        }
    }

    /// Pairs that turn by each axis.
    var sections: [Int]
    /// Whether pairs are dealt to the three axes in turn (Qwen3), instead of section after section (Qwen2). Time has the pairs that
    /// are left when the others have theirs.
    var isInterleaved: Bool

    func axis(ofPair pair: Int) -> Axis {
        if isInterleaved {
            let axis = Axis.allCases[pair % 3]
            return pair < 3 * sections[axis.rawValue] ? axis : .time
        }
        if pair < sections[0] { return .time }
        return pair < sections[0] + sections[1] ? .row : .column
    }
}

extension RotaryAxes {
    /// Reads `mrope_section` of the rotary settings; nil when there is none.
    init?(_ settings: Settings) throws {
        guard let sections = try settings.integers("mrope_section", in: 0...1024) else { return nil }
        guard sections.count == 3 else { throw settings.failure("mrope_section", expected: "three numbers") }
        self.sections = sections
        isInterleaved = try settings.boolean("mrope_interleaved", default: false)
    }
}

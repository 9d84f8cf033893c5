import Foundation
import Inference
import Testing
import Workers

@testable import Jobs
@testable import docent

struct CaptionTimingsTests {
    /// Ten seconds in which the engine ran for nine and images were in work for six.
    private var timings: CaptionTimings {
        var images = DispatcherStatistics()
        images.images = 20
        images.decodeTime = .seconds(3)
        images.resizeTime = .seconds(2)
        images.imageWorkTime = .seconds(6)
        var engine = EngineMetrics()
        engine.encodeTime = .seconds(5)
        engine.prefillTime = .seconds(1)
        engine.decodeTime = .seconds(2)
        engine.overheadTime = .seconds(1)
        let queue = QueueStatistics(
            waitingInteractive: 0, waitingBulk: 0, running: 0, walBytes: 0, commits: 1, operations: 1,
            commitTime: .milliseconds(500))
        return CaptionTimings(
            images: images, engine: engine, queue: queue, writing: .milliseconds(250),
            used: Usage(wall: .seconds(10), processor: .seconds(18)))
    }

    @Test func `what exceeds the whole is what overlapped`() {
        #expect(timings.engineShare == 0.9)
        #expect(timings.overlapSeconds == 5)
    }

    @Test func `the table has a line for each stage, and says what bound the run`() {
        let lines = timings.table.split(separator: "\n")
        #expect(lines.count == 10)
        #expect(lines[0] == "20 images in 10.0 s, 2.00 a second")
        #expect(lines[1] == "decode images                3.00 s  30.0 %")
        #expect(lines[8] == "write results                0.25 s   2.5 %")
        #expect(
            lines[9] == "The engine was at work for 90.0 % of the time. Images were prepared for 6.0 s, 5.0 s of "
                + "it beside the engine, and took 5.0 of 18.0 s of processor time.")
    }
}

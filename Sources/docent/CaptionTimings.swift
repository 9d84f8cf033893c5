import Foundation
import Inference
import Jobs
import Workers

/// Where the time of a captioning run went.
///
/// The stages overlap: images are prepared on threads of their own, and the database has a thread of its own, while the
/// engine computes. So the times add up to more than the whole, the more the better the work is hidden.
struct CaptionTimings: Encodable {
    struct Stage: Encodable {
        let name: String
        let seconds: Double
    }

    let event = "timings"
    let images: Int
    /// From the first claim to the last row written; loading the model is not part of it.
    let wallSeconds: Double
    /// Processor time of the whole process, all threads together.
    let processorSeconds: Double
    let stages: [Stage]
    /// Time in which the engine was in a step.
    let engineSeconds: Double
    /// Time in which at least one image was being decoded or resized.
    let imageWorkSeconds: Double
    /// Processor time of that.
    let imageProcessorSeconds: Double

    enum CodingKeys: String, CodingKey {
        case event, images, stages
        case wallSeconds = "wall_seconds"
        case processorSeconds = "processor_seconds"
        case engineSeconds = "engine_seconds"
        case imageWorkSeconds = "image_work_seconds"
        case imageProcessorSeconds = "image_processor_seconds"
    }

    init(
        images: DispatcherStatistics, engine: EngineMetrics, queue: QueueStatistics, writing: Duration, used: Usage
    ) {
        func stage(_ name: String, _ time: Duration) -> Stage { Stage(name: name, seconds: time / .seconds(1)) }
        self.images = images.images
        wallSeconds = used.wall / .seconds(1)
        processorSeconds = used.processor / .seconds(1)
        stages = [
            stage("decode images", images.decodeTime), stage("resize images", images.resizeTime),
            stage("vision encode", engine.encodeTime), stage("prefill", engine.prefillTime),
            stage("decode steps", engine.decodeTime), stage("plan, sample, deliver", engine.overheadTime),
            stage("database commits", queue.commitTime), stage("write results", writing),
        ]
        engineSeconds =
            (engine.encodeTime + engine.prefillTime + engine.decodeTime + engine.overheadTime) / .seconds(1)
        imageWorkSeconds = images.imageWorkTime / .seconds(1)
        imageProcessorSeconds = (images.decodeTime + images.resizeTime) / .seconds(1)
    }

    /// Share of the time in which the engine was in a step: 1 when nothing but the model bounds the run.
    var engineShare: Double { wallSeconds > 0 ? engineSeconds / wallSeconds : 0 }

    /// Seconds in which images were prepared beside the engine, at least: two stretches inside one whole overlap by what
    /// they exceed it.
    var overlapSeconds: Double { max(0, imageWorkSeconds + engineSeconds - wallSeconds) }

    var table: String {
        let rate = wallSeconds > 0 ? Double(images) / wallSeconds : 0
        let heading = String(format: "%d images in %.1f s, %.2f a second\n", images, wallSeconds, rate)
        let rows = stages.map { stage in
            let share = wallSeconds > 0 ? stage.seconds / wallSeconds * 100 : 0
            let name = stage.name.padding(toLength: 24, withPad: " ", startingAt: 0)
            return name + String(format: "%9.2f s %5.1f %%\n", stage.seconds, share)
        }
        let busy = String(
            format: "The engine was at work for %.1f %% of the time. Images were prepared for %.1f s, %.1f s of it "
                + "beside the engine, ",
            engineShare * 100, imageWorkSeconds, overlapSeconds)
        let cost = String(
            format: "and took %.1f of %.1f s of processor time.", imageProcessorSeconds, processorSeconds)
        return heading + rows.joined() + busy + cost
    }
}

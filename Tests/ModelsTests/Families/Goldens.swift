import Foundation
import Testing

@testable import Models

/// What transformers computed with a tiny checkpoint: `golden.json`, written by Tests/Reference/*_tiny.py.
struct Golden: Decodable {
    struct Case: Decodable, CustomTestStringConvertible {
        var name: String
        /// The user's message; nil is an image.
        var parts: [String?]
        /// Width, height and seed of each drawn picture.
        var images: [[Int]]
        var split: Bool
        var grids: [[Int]]
        var inputIDs: [Int32]
        var pixelSHA256: [String]?
        /// The vision tower's states of the last frame, [grid², width].
        var lastFrameTower: [Float]?
        /// The features of the last frame, [tokens, decoder width].
        var lastFrameFeatures: [Float]?
        /// The same by the older order of the folded rows, and with positions resampled the other way (Nemotron).
        var lastFrameFeaturesV1: [Float]?
        var lastFrameFeaturesUncornered: [Float]?
        /// Time, row and column of each token, and of the first of the answer (Qwen).
        var rotary: [[Int32]]?
        var rotaryAfter: Int32?
        var logitRows: [Int32]
        /// [logitRows, vocabulary].
        var logits: [Float]
        var greedy: [Int32]

        var testDescription: String { name }

        /// What `maxTiles: 1` gives must be what the reference gives with splitting turned off.
        func prompt(_ model: LoadedModel) throws -> Prompt {
            let images = try pictures.map { try model.processor.process($0, maxTiles: split ? nil : 1) }
            return try model.processor.prompt(for: [message], images: images)
        }

        var message: ChatMessage {
            ChatMessage(role: "user", content: parts.map { $0.map(ContentPart.text) ?? .image })
        }
        var pictures: [RGBImage] { images.map { DrawnPicture.image(width: $0[0], height: $0[1], seed: $0[2]) } }

        private enum CodingKeys: String, CodingKey {
            case name, parts, images, split, grids, rotary, logits, greedy
            case rotaryAfter = "rotary_after"
            case inputIDs = "input_ids"
            case pixelSHA256 = "pixel_sha256"
            case lastFrameTower = "last_frame_tower"
            case lastFrameFeatures = "last_frame_features"
            case lastFrameFeaturesV1 = "last_frame_features_v1"
            case lastFrameFeaturesUncornered = "last_frame_features_uncornered"
            case logitRows = "logit_rows"
        }
    }

    var cases: [Case]

    static func cases(of checkpoint: String) -> [Case] {
        (try? CheckpointFixtures.decode(Golden.self, from: checkpoint + "/golden.json").cases) ?? []
    }
}

/// Pictures that Python draws alike: integer arithmetic only.
enum DrawnPicture {
    static func image(width: Int, height: Int, seed: Int) -> RGBImage {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<3 {
                    let value = x * (3 + c) + y * (5 + 2 * c) + (x * y) / (7 + c) + seed * 31 + c * 85
                    pixels.append(UInt8(truncatingIfNeeded: value % 256))
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }
}

/// The largest difference of two arrays relative to the largest expected value; infinite when the counts differ.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count, !expected.isEmpty else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let worst = zip(found, expected).reduce(Float(0)) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst / scale
}

/// The hash that the Python scripts take of f32 arrays.
func hash(of values: some Collection<Float>) -> String {
    Array(values).withUnsafeBytes { ContentHash(of: $0).description }
}

extension ProcessedImage {
    /// The values that the tower would be given of all frames, [frames, 3, height, width].
    var normalised: [Float] {
        let planes = planes(of: 0..<frameCount, side: height)
        return withExtendedLifetime(planes) { Array(planes.bytes.bindMemory(to: Float.self)) }
    }
}

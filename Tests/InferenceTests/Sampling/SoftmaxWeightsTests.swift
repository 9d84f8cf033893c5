import Foundation
import Testing

@testable import Inference

struct SoftmaxWeightsTests {
    @Test func `weights are exponentials to seven digits, over the whole range`() {
        let logits = (0...3000).map { Float($0) * -0.029 + 5 }
        let weights = SoftmaxWeights.of(logits[...], greatest: 5)
        for (logit, weight) in zip(logits, weights) {
            let expected = exp(Double(logit) - 5)
            #expect(abs(Double(weight) - expected) <= 2.5e-7 * expected)
        }
    }

    @Test(arguments: [1, 15, 16, 17, 40])
    func `every length has all its weights`(count: Int) {
        let logits = [9] + (0..<count).map { Float($0) }
        let weights = SoftmaxWeights.of(logits[1...], greatest: Float(count))
        #expect(weights.count == count)
        for (index, weight) in weights.enumerated() {
            #expect(abs(weight - exp(Float(index - count))) <= 3e-7 * weight)
        }
    }

    @Test func `what cannot be drawn weighs nothing`() {
        let weights = SoftmaxWeights.of([0, -.infinity, -90, -1e30], greatest: 0)
        #expect(weights == [1, 0, 0, 0])
    }
}

import FoundationEssentials
import Jobs

/// A batch as `/v1/batches` shows it: OpenAI's keys in its order, and the job under a key of ours.
struct BatchObject {
    let batch: Batch

    var json: JSONNode {
        let moments = batch.moments
        return [
            "id": .string(batch.id.rawValue),
            "object": "batch",
            "endpoint": .string(batch.endpoint),
            "model": .optional(batch.model),
            "errors": errors,
            "input_file_id": .string(batch.inputFile.rawValue),
            "completion_window": .string(batch.completionWindow),
            "status": .string(batch.status.rawValue),
            "output_file_id": .optional(batch.outputFile?.rawValue),
            "error_file_id": .optional(batch.errorFile?.rawValue),
            "created_at": .int(batch.createdAt.seconds),
            "in_progress_at": .optional(moments.inProgress?.seconds),
            "expires_at": .optional(batch.expiresAt?.seconds),
            "finalizing_at": .optional(moments.finalizing?.seconds),
            "completed_at": .optional(moments.completed?.seconds),
            "failed_at": .optional(moments.failed?.seconds),
            "expired_at": .optional(moments.expired?.seconds),
            "cancelling_at": .optional(moments.cancelling?.seconds),
            "cancelled_at": .optional(moments.cancelled?.seconds),
            "request_counts": [
                "total": .int(batch.total), "completed": .int(batch.succeeded), "failed": .int(batch.failed),
            ],
            "usage": usage,
            "metadata": metadata,
            "docent": ["job_id": .optional(batch.job?.rawValue)],
        ]
    }

    private var errors: JSONNode {
        guard let text = batch.errors else { return nil }
        return ["object": "list", "data": .array(BatchFault.list(text).map(\.json))]
    }

    /// Known once every answer is counted.
    private var usage: JSONNode {
        guard batch.status.isFinal, batch.status != .failed else { return nil }
        let usage = batch.usage
        return [
            "input_tokens": .int(usage.inputTokens),
            "input_tokens_details": ["cached_tokens": .int(usage.cachedTokens)],
            "output_tokens": .int(usage.outputTokens),
            "output_tokens_details": ["reasoning_tokens": 0],
            "total_tokens": .int(usage.inputTokens + usage.outputTokens),
        ]
    }

    private var metadata: JSONNode {
        guard let text = batch.metadata,
            let pairs = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        else { return nil }
        return .object(pairs.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })
    }
}

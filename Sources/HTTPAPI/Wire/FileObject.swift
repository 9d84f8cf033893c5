import Jobs

/// A file as `/v1/files` shows it. Nothing has to be done to one after its upload, so it is "processed" from the beginning.
struct FileObject {
    let file: StoredFile

    var json: JSONNode {
        [
            "id": .string(file.id.rawValue),
            "object": "file",
            "bytes": .int(file.bytes),
            "created_at": .int(file.createdAt.seconds),
            "expires_at": .optional(file.expiresAt?.seconds),
            "filename": .string(file.filename),
            "purpose": .string(file.purpose),
            "status": "processed",
            "status_details": nil,
        ]
    }
}

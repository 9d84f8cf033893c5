import Compute
import Synchronization

/// Pinned memory through which everything goes to the device and comes back: two halves in turn, so that one is filled while the
/// other is copied.
final class StagingBuffer: Sendable {
    private struct State {
        var half = 0
        var used = 0
        /// Whether a half has copies under way that its event will tell the end of.
        var isBusy = [false, false]
    }

    private let device: CUDADevice
    private let halfBytes: Int
    /// Safe to share: touched while `state` is locked.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    nonisolated(unsafe) private let events: [UnsafeMutableRawPointer]
    private let state = Mutex(State())

    init(_ device: CUDADevice, byteCount: Int) throws(ComputeError) {
        self.device = device
        halfBytes = max(byteCount / 2 / 16 * 16, 16)
        memory = try device.allocatePinned(byteCount: 2 * halfBytes)
        var events: [UnsafeMutableRawPointer] = []
        do {
            while events.count < 2 { events.append(try device.makeEvent()) }
        } catch {
            events.forEach(device.destroy(event:))
            device.freePinned(memory)
            throw error
        }
        self.events = events
    }

    deinit {
        device.freePinned(memory)
        events.forEach(device.destroy(event:))
    }

    /// Copies `source` to the device; it may go as soon as this returns.
    func upload(_ source: UnsafeRawBufferPointer, to address: UInt64) throws(ComputeError) {
        var done = 0
        while done < source.count {
            let count = min(source.count - done, halfBytes)
            let part = UnsafeRawBufferPointer(rebasing: source[done..<done + count])
            try upload(part: part, to: address + UInt64(done))
            done += count
        }
    }

    private func upload(part: UnsafeRawBufferPointer, to address: UInt64) throws(ComputeError) {
        try state.withLock { state throws(ComputeError) in
            if state.used + part.count > halfBytes { try turn(&state) }
            let place = memory + state.half * halfBytes + state.used
            if let start = part.baseAddress { place.copyMemory(from: start, byteCount: part.count) }
            try device.copy(from: place, to: address, byteCount: part.count)
            state.used = min(halfBytes, (state.used + part.count + 15) / 16 * 16)
        }
    }

    /// Goes on in the other half, as soon as the copies from there are done.
    private func turn(_ state: inout State) throws(ComputeError) {
        try device.record(events[state.half])
        state.isBusy[state.half] = true
        state.half = 1 - state.half
        state.used = 0
        if state.isBusy[state.half] {
            try device.wait(for: events[state.half])
            state.isBusy[state.half] = false
        }
    }

    /// Copies from the device once everything asked of it before is done, and waits for that.
    func download(_ address: UInt64, into target: UnsafeMutableRawBufferPointer) throws(ComputeError) {
        try state.withLock { state throws(ComputeError) in
            try device.synchronize()
            (state.used, state.isBusy) = (0, [false, false])
            var done = 0
            while done < target.count {
                let count = min(target.count - done, 2 * halfBytes)
                try device.copy(from: address + UInt64(done), to: memory, byteCount: count)
                try device.synchronize()
                if let start = target.baseAddress { (start + done).copyMemory(from: memory, byteCount: count) }
                done += count
            }
            state.half = 0
        }
    }
}

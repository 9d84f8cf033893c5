// swift-tools-version: 6.2
import PackageDescription

/// One set of language rules for every Swift target: explicit existentials, imports that do not leak, and async
/// functions that stay on their caller's executor (the engine's thread relies on it).
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

func library(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: ["DESIGN.md"] + exclude, resources: resources,
        swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "docent",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "docent", targets: ["docent"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Optimised even in debug builds: the tests run real models through these loops.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        // Carries pkg-config's include paths of GLib to CVips, and nothing else: the library is opened when it is needed.
        .systemLibrary(name: "CGLib", path: "Sources/CVips/glib", pkgConfig: "gobject-2.0"),
        .target(name: "CVips", dependencies: ["CGLib"], exclude: ["glib"]),
        library("Compute", ["CKernels"]),
        // Declarations of NVIDIA's libraries, which are opened when they are needed, and of what our kernels take.
        .target(name: "CCUDA"),
        library(
            "ComputeCUDA", ["Compute", "CCUDA"],
            resources: [
                "kernel_arguments.h", "prelude.h", "rows.cu", "norms.cu", "linear.cu", "attention.cu", "paged.cu",
                "images.cu",
            ].map { .embedInCode("Kernels/\($0)") }),
        library(
            "Models",
            ["Compute", "CVips", .product(name: "Crypto", package: "swift-crypto")]),
        library(
            "Inference",
            [
                "Models", "Compute", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        library(
            "Jobs",
            [
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("Migrations")]),
        library("Workers", ["Jobs", "Inference", "Models", .product(name: "Logging", package: "swift-log")]),
        library(
            "Captioning",
            [
                "Workers", "Jobs", "Inference", "Models", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Recipes/samples"],
            resources: ["caption", "alt-text", "tags", "ocr"].map { .embedInCode("Recipes/\($0).json") }),
        library(
            "HTTPAPI",
            [
                "Workers", "Jobs", "Inference", "Models", .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [
                "OpenAPI/openapi.json", "OpenAPI/docs.html", "Dashboard/index.html", "Dashboard/dashboard.css",
                "Dashboard/dashboard.js",
            ].map { .embedInCode($0) }),
        library(
            "ModelHub",
            [
                "Models", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "docent",
            dependencies: [
                "HTTPAPI", "ModelHub", "Captioning", "Workers", "Jobs", "Inference", "Models", "ComputeCUDA",
                "Compute",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [.copy("docent-mini")],
            swiftSettings: settings),
        tests("ComputeTests", ["Compute", "CKernels"]),
        // A CUDA driver without a device, and our kernels as C++; optimised, because it runs them thread by thread.
        .target(
            name: "EmulatedCUDA", path: "Tests/EmulatedCUDA",
            cxxSettings: [.unsafeFlags(["-O2", "-std=c++17", "-Wno-unknown-pragmas"])]),
        tests("ComputeCUDATests", ["ComputeCUDA", "CCUDA", "EmulatedCUDA", "Models", "Compute"]),
        tests("ModelsTests", ["Models", "Compute"]),
        tests("InferenceTests", ["Inference", "Models", "Compute"]),
        .target(name: "ChildProcess", path: "Tests/ChildProcess", swiftSettings: settings),
        .target(name: "TracedDisk", path: "Tests/TracedDisk", swiftSettings: settings),
        // A VFS of SQLite that forgets, tears and fails; optimised, because it replays thousands of power cuts.
        .target(
            name: "FaultyDisk", path: "Tests/FaultyDisk", cSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("sqlite3")]),
        // A process to be killed at each of its calls. No test depends on them: the calls of the tests are not to be counted.
        .target(name: "CountedCalls", path: "Tests/CountedCalls"),
        .executableTarget(
            name: "KilledScenario", dependencies: ["Jobs", "CountedCalls"], path: "Tests/KilledScenario",
            swiftSettings: settings),
        // A worker to be killed by what it works on.
        .executableTarget(
            name: "DyingWorker",
            dependencies: [
                "Workers", "Jobs", "Inference", "Models", "Compute", .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/DyingWorker", swiftSettings: settings),
        tests(
            "JobsTests",
            ["Jobs", "ChildProcess", "FaultyDisk", "TracedDisk", .product(name: "GRDB", package: "GRDB.swift")]),
        tests("WorkersTests", ["Workers", "Jobs", "Inference", "Models", "ChildProcess"]),
        tests("CaptioningTests", ["Captioning", "Workers", "Jobs", "Inference", "Models"]),
        tests(
            "HTTPAPITests",
            [
                "HTTPAPI", "Workers", "Jobs", "Inference", "Models",
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
        // A hub for the tests of two targets.
        .target(
            name: "LoopbackHub", dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            path: "Tests/LoopbackHub", swiftSettings: settings),
        tests("ModelHubTests", ["ModelHub", "LoopbackHub", .product(name: "NIOHTTP1", package: "swift-nio")]),
        tests(
            "docentTests",
            [
                "docent", "HTTPAPI", "Captioning", "Workers", "Jobs", "Inference", "Models", "ModelHub", "ChildProcess",
                "LoopbackHub",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
    ]
)

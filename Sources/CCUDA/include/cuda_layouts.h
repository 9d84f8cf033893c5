// Structs of the CUDA ABI whose layout matters, and the names of the symbols in a table.
#ifndef CCUDA_LAYOUTS_H
#define CCUDA_LAYOUTS_H

#include <stddef.h>
#include <stdint.h>

// One table serves three ends: the struct of typed pointers, the list of names, and their number.
#define CCUDA_MEMBER(result, name, parameters) result (*_Nonnull name) parameters;
#define CCUDA_NAME(result, name, parameters) #name,
#define CCUDA_TABLE(table, LIST) \
    typedef struct table { LIST(CCUDA_MEMBER) } table; \
    static inline const char *_Nonnull const *_Nonnull table##_names(int *_Nonnull count) { \
        static const char *_Nonnull const names[] = {LIST(CCUDA_NAME)}; \
        _Static_assert(sizeof(table) == sizeof(names), "as many pointers as names"); \
        *count = (int)(sizeof(names) / sizeof(names[0])); \
        return names; \
    }

typedef uint64_t ccuda_address;  // CUdeviceptr: an integer, not a pointer

typedef struct ccuda_uuid { uint8_t bytes[16]; } ccuda_uuid;

// CUlaunchAttribute: an id, then a union of 64 bytes at offset 8.
typedef struct ccuda_launch_attribute {
    int32_t id;
    uint8_t padding[4];
    uint64_t value[8];
} ccuda_launch_attribute;

// CUlaunchConfig.
typedef struct ccuda_launch_configuration {
    uint32_t grid[3];
    uint32_t block[3];
    uint32_t shared_bytes;
    void *_Nullable stream;
    ccuda_launch_attribute *_Nullable attributes;
    uint32_t attribute_count;
} ccuda_launch_configuration;

// cublasLtMatmulAlgo_t: opaque, valid for one version of the library and one GPU.
typedef struct ccuda_lt_algorithm { uint64_t data[8]; } ccuda_lt_algorithm;

// cublasLtMatmulHeuristicResult_t.
typedef struct ccuda_lt_heuristic {
    ccuda_lt_algorithm algorithm;
    size_t workspace_bytes;
    int32_t state;  // 0: usable
    float waves;
    int32_t reserved[4];
} ccuda_lt_heuristic;

_Static_assert(sizeof(ccuda_uuid) == 16, "CUuuid");
_Static_assert(sizeof(ccuda_launch_attribute) == 72, "CUlaunchAttribute");
_Static_assert(offsetof(ccuda_launch_attribute, value) == 8, "CUlaunchAttribute.value");
_Static_assert(sizeof(ccuda_launch_configuration) == 56, "CUlaunchConfig");
_Static_assert(offsetof(ccuda_launch_configuration, block) == 12, "CUlaunchConfig.blockDim");
_Static_assert(offsetof(ccuda_launch_configuration, shared_bytes) == 24, "CUlaunchConfig.sharedMemBytes");
_Static_assert(offsetof(ccuda_launch_configuration, stream) == 32, "CUlaunchConfig.hStream");
_Static_assert(offsetof(ccuda_launch_configuration, attributes) == 40, "CUlaunchConfig.attrs");
_Static_assert(offsetof(ccuda_launch_configuration, attribute_count) == 48, "CUlaunchConfig.numAttrs");
_Static_assert(sizeof(ccuda_lt_algorithm) == 64, "cublasLtMatmulAlgo_t");
_Static_assert(sizeof(ccuda_lt_heuristic) == 96, "cublasLtMatmulHeuristicResult_t");
_Static_assert(offsetof(ccuda_lt_heuristic, workspace_bytes) == 64, "workspaceSize");
_Static_assert(offsetof(ccuda_lt_heuristic, state) == 72, "state");
_Static_assert(offsetof(ccuda_lt_heuristic, waves) == 76, "wavesCount");

#endif

// One f32 vector of the instruction set being compiled, and what the loops need of it.
//
// Clang's generic vectors carry the arithmetic, so one source serves SSE2, AVX2, AVX-512 and NEON; only what they
// cannot express well (F16C, VNNI) uses intrinsics. The including file defines LANES, TILE_ROWS and TILE_VECTORS.
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../include/CKernels.h"

#define INLINE static inline __attribute__((always_inline))
/// Where the compiler may not load before what is written before, for loops that need every register.
#define KEEP_LOADS_HERE __asm__ volatile("" ::: "memory")

typedef float vector __attribute__((vector_size(LANES * 4)));
typedef float loose_vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t integers __attribute__((vector_size(LANES * 4)));
typedef uint32_t words __attribute__((vector_size(LANES * 4)));
typedef uint16_t halves __attribute__((vector_size(LANES * 2)));
typedef uint16_t loose_halves __attribute__((vector_size(LANES * 2), aligned(1)));

/// Subtracting zero is the identity (adding it is not, for -0), so this is a plain broadcast.
INLINE vector splat(float x) { return x - (vector){}; }
INLINE vector load(const float *p) { return *(const loose_vector *)p; }
INLINE void store(float *p, vector x) { *(loose_vector *)p = x; }
/// Mapped checkpoints align tensors to nothing.
INLINE vector load_unaligned(const void *p) {
    vector x;
    memcpy(&x, p, sizeof x);
    return x;
}

/// The first `count` lanes; the rest are zero.
INLINE vector load_some(const float *p, int64_t count) {
    vector x = {};
    memcpy(&x, p, (size_t)count * 4);
    return x;
}
INLINE void store_some(float *p, vector x, int64_t count) { memcpy(p, &x, (size_t)count * 4); }

INLINE vector choose(integers mask, vector yes, vector no) {
    return (vector)(((integers)yes & mask) | ((integers)no & ~mask));
}
INLINE vector larger(vector a, vector b) { return __builtin_elementwise_max(a, b); }
INLINE vector smaller(vector a, vector b) { return __builtin_elementwise_min(a, b); }

INLINE float sum(vector x) {
    float lanes[LANES];
    memcpy(lanes, &x, sizeof x);
    for (int width = LANES / 2; width > 0; width /= 2)
#pragma clang loop unroll(full)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    return lanes[0];
}
/// Lane i of both, alternating: the lower half of the lanes, and the upper.
#if LANES == 16
#define INTERLEAVE_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_HIGH(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

INLINE float largest(vector x) { return __builtin_reduce_max(x); }

INLINE vector from_bf16(const void *p) {
    halves h;
    memcpy(&h, p, sizeof h);
    return (vector)(__builtin_convertvector(h, words) << 16);
}

#ifndef HAS_F16C
/// Shifts the f16's exponent into place and rescales, which also makes subnormals right.
INLINE vector from_f16(const void *p) {
    halves h;
    memcpy(&h, p, sizeof h);
    words bits = __builtin_convertvector(h, words);
    words magnitude = (bits & 0x7fff) << 13;
    vector value = (vector)magnitude * 0x1p112f;
    integers special = (integers)(magnitude >= (words){} + (0x7c00u << 13));
    value = choose(special, (vector)(magnitude | 0x7f800000u), value);
    return (vector)((words)value | ((bits & 0x8000) << 16));
}
#endif

INLINE vector load_type(docent_type type, const void *base, int64_t index) {
    switch (type) {
    case docent_f16: return from_f16((const char *)base + index * 2);
    case docent_bf16: return from_bf16((const char *)base + index * 2);
    default: return load_unaligned((const char *)base + index * 4);
    }
}
/// Fewer than LANES elements; the rest are zero.
INLINE vector load_type_some(docent_type type, const void *base, int64_t index, int64_t count) {
    int64_t size = type == docent_f32 ? 4 : 2;
    char bytes[LANES * 4] = {0};
    memcpy(bytes, (const char *)base + index * size, (size_t)(count * size));
    return load_type(type, bytes, 0);
}

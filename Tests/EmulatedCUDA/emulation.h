// CUDA's language as far as our kernels use it, for a C++ compiler.
#ifndef EMULATION_H
#define EMULATION_H

#include <math.h>
#include <stdint.h>
#include <string.h>

struct Dimensions { unsigned x, y, z; };
struct uint4 { unsigned x, y, z, w; };

extern Dimensions threadIdx, blockIdx, blockDim, gridDim;

// Waits for all threads of the block.
void emulated_barrier(void);
// Gives every lane of the warp the value of lane `lane ^ mask`.
float emulated_exchange(float value, int mask);
float *emulated_shared_memory(void);

#define __device__
#define __shared__ static
#define KERNEL(name) static void name
#define SHARED_FLOATS(name) float *name = emulated_shared_memory()

inline void __syncthreads(void) { emulated_barrier(); }
inline float __shfl_xor_sync(unsigned, float value, int mask) { return emulated_exchange(value, mask); }
inline float __uint_as_float(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }
inline float __int_as_float(unsigned bits) { return __uint_as_float(bits); }
inline unsigned __float_as_uint(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }

inline float emulated_widen_half(unsigned short bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float size = exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent == 0 ? ldexpf((float)fraction, -24) : ldexpf((float)(fraction | 1024), exponent - 25);
    return bits >> 15 ? -size : size;
}

#endif

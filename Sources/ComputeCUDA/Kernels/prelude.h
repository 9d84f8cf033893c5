// What all kernels stand on. They include nothing, so that NVRTC needs no headers; the tests compile the same sources as C++
// with DOCENT_EMULATED, where these two macros and CUDA's own words are defined before, and run them on the processor. All
// arithmetic is in f32.
#ifndef DOCENT_EMULATED
#define KERNEL(name) extern "C" __global__ void __launch_bounds__(256) name
// Memory of a block whose size the launch gives.
extern __shared__ float4 shared_memory[];
#define SHARED_FLOATS(name) float *name = (float *)shared_memory
#endif

#define MINUS_INFINITY __int_as_float(0xFF800000)

typedef unsigned short half_bits;   // f16
typedef unsigned short brain_bits;  // bf16

static __device__ inline float widen_brain(brain_bits bits) { return __uint_as_float((unsigned)bits << 16); }

// To the nearest, ties to even; what is no number stays none.
static __device__ inline brain_bits round_to_brain(float value) {
    unsigned bits = __float_as_uint(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (brain_bits)((bits >> 16) | 0x40u);
    return (brain_bits)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

static __device__ inline float widen_half(half_bits bits) {
#ifdef DOCENT_EMULATED
    return emulated_widen_half(bits);
#else
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#endif
}

// Kinds of stored numbers, as types that know how they widen.
struct F32 {
    typedef float Stored;
    static __device__ inline float widen(float value) { return value; }
};
struct F16 {
    typedef half_bits Stored;
    static __device__ inline float widen(half_bits value) { return widen_half(value); }
};
struct BF16 {
    typedef brain_bits Stored;
    static __device__ inline float widen(brain_bits value) { return widen_brain(value); }
};

static __device__ inline float load(kernel_address address, unsigned long long index, int type) {
    if (type == KERNEL_F32) return ((const float *)address)[index];
    unsigned short bits = ((const unsigned short *)address)[index];
    return type == KERNEL_BF16 ? widen_brain(bits) : widen_half(bits);
}

static __device__ inline void store(kernel_address address, unsigned long long index, int type, float value) {
    if (type == KERNEL_BF16) ((brain_bits *)address)[index] = round_to_brain(value);
    else ((float *)address)[index] = value;
}

static __device__ inline float activate(float x, int activation) {
    switch (activation) {
    case KERNEL_GELU_TANH: return 0.5f * x * (1.0f + tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x)));
    case KERNEL_GELU: return 0.5f * x * (1.0f + erff(x * 0.7071067811865476f));
    case KERNEL_SILU: return x / (1.0f + expf(-x));
    case KERNEL_QUICK_GELU: return x / (1.0f + expf(-1.702f * x));
    default: return x;
    }
}

static __device__ inline float sum_of_warp(float value) {
    for (int lane = 16; lane > 0; lane /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, lane);
    return value;
}

static __device__ inline float maximum_of_warp(float value) {
    for (int lane = 16; lane > 0; lane /= 2) value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, lane));
    return value;
}

// The same sum for all threads of a block of whole warps; `shared` has 32 floats that nobody else uses.
static __device__ inline float sum_of_block(float value, float *shared) {
    value = sum_of_warp(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x % 32 < blockDim.x / 32 ? shared[threadIdx.x % 32] : 0.0f;
    return sum_of_warp(value);
}

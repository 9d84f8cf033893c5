// Products with weights [outputs, inputs]. Inputs are f32, or bf16 where the weights are. What is applied to the results has a
// kernel of its own (activate_values): here it would be compiled into every one of the unrolled results.

template <class Weight> struct InputOf { typedef F32 Type; };
template <> struct InputOf<BF16> { typedef BF16 Type; };

static __device__ inline void finish(const multiply_arguments &a, int row, int output, float sum) {
    if (a.bias) sum += ((const float *)a.bias)[output];
    float *result = (float *)a.output + (unsigned long long)row * a.outputs + output;
    *result = a.adds ? *result + sum : sum;
}

// Sixteen bytes at once.
template <class T> struct Packet {
    static const int count = 16 / sizeof(typename T::Stored);
    union {
        uint4 bits;
        typename T::Stored values[16 / sizeof(typename T::Stored)];
    };
};

// Few rows: one warp an output, `Rows` rows at a time, weights streamed once for those. Grid: (outputs / warps, rows / Rows).
template <class Weight, int Rows> static __device__ inline void multiply_few(const multiply_arguments &a) {
    typedef typename InputOf<Weight>::Type Input;
    int output = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    int firstRow = blockIdx.y * Rows;
    if (output >= a.outputs) return;
    const typename Weight::Stored *weight =
        (const typename Weight::Stored *)a.weight + (unsigned long long)output * a.inputs;
    const typename Input::Stored *rows[Rows];
    float sums[Rows];
#pragma unroll
    for (int r = 0; r < Rows; r++) {
        int row = firstRow + r < a.rows ? firstRow + r : a.rows - 1;
        rows[r] = (const typename Input::Stored *)a.input + (unsigned long long)row * a.inputs;
        sums[r] = 0.0f;
    }
    const int step = Packet<Weight>::count;
    // Rows of whole packets start at whole packets, as the tensors themselves do.
    if (a.inputs % step == 0) {
        for (int i = (threadIdx.x % 32) * step; i < a.inputs; i += 32 * step) {
            Packet<Weight> packet;
            packet.bits = *(const uint4 *)(weight + i);
#pragma unroll
            for (int r = 0; r < Rows; r++) {
#pragma unroll
                for (int k = 0; k < step; k++) {
                    sums[r] += Weight::widen(packet.values[k]) * Input::widen(rows[r][i + k]);
                }
            }
        }
    } else {
        for (int i = threadIdx.x % 32; i < a.inputs; i += 32) {
            float value = Weight::widen(weight[i]);
#pragma unroll
            for (int r = 0; r < Rows; r++) sums[r] += value * Input::widen(rows[r][i]);
        }
    }
#pragma unroll
    for (int r = 0; r < Rows; r++) {
        float sum = sum_of_warp(sums[r]);
        if (threadIdx.x % 32 == 0 && firstRow + r < a.rows) finish(a, firstRow + r, output, sum);
    }
}

KERNEL(multiply_one_f32)(multiply_arguments a) { multiply_few<F32, 1>(a); }
KERNEL(multiply_one_f16)(multiply_arguments a) { multiply_few<F16, 1>(a); }
KERNEL(multiply_one_bf16)(multiply_arguments a) { multiply_few<BF16, 1>(a); }
KERNEL(multiply_four_f32)(multiply_arguments a) { multiply_few<F32, 4>(a); }
KERNEL(multiply_four_f16)(multiply_arguments a) { multiply_few<F16, 4>(a); }
KERNEL(multiply_four_bf16)(multiply_arguments a) { multiply_few<BF16, 4>(a); }

// Many rows: blocks of 64 rows × 64 outputs, 256 threads with 4 × 4 sums each, 16 inputs at a time. What cuBLASLt does
// faster for bf16; for other types, and where that library is missing, this is the product.
template <class Weight> static __device__ inline void multiply_tiles(const multiply_arguments &a) {
    typedef typename InputOf<Weight>::Type Input;
    const int tile = KERNEL_PRODUCT_TILE, depth = 16;
    __shared__ float inputs[depth][tile + 4];
    __shared__ float weights[depth][tile + 4];
    int firstRow = blockIdx.y * tile, firstOutput = blockIdx.x * tile;
    int down = threadIdx.x / 16 * 4, across = threadIdx.x % 16 * 4;
    float sums[4][4] = {};
    for (int start = 0; start < a.inputs; start += depth) {
        for (int i = threadIdx.x; i < tile * depth; i += blockDim.x) {
            int line = i / depth, k = i % depth;
            int row = firstRow + line, output = firstOutput + line, input = start + k;
            inputs[k][line] = row < a.rows && input < a.inputs
                ? Input::widen(((const typename Input::Stored *)a.input)[(unsigned long long)row * a.inputs + input])
                : 0.0f;
            weights[k][line] = output < a.outputs && input < a.inputs
                ? Weight::widen(((const typename Weight::Stored *)a.weight)[(unsigned long long)output * a.inputs + input])
                : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int k = 0; k < depth; k++) {
#pragma unroll
            for (int r = 0; r < 4; r++) {
#pragma unroll
                for (int o = 0; o < 4; o++) sums[r][o] += inputs[k][down + r] * weights[k][across + o];
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < 4; r++) {
#pragma unroll
        for (int o = 0; o < 4; o++) {
            int row = firstRow + down + r, output = firstOutput + across + o;
            if (row < a.rows && output < a.outputs) finish(a, row, output, sums[r][o]);
        }
    }
}

KERNEL(multiply_tiles_f32)(multiply_arguments a) { multiply_tiles<F32>(a); }
KERNEL(multiply_tiles_f16)(multiply_arguments a) { multiply_tiles<F16>(a); }
KERNEL(multiply_tiles_bf16)(multiply_arguments a) { multiply_tiles<BF16>(a); }

// Linear layers of a few rows (decoding): dot products straight from the stored weights, which are read once.
//
// Every (row, output) has one accumulator vector walked in the same order however many rows there are, so a row's
// result does not depend on its company.

/// Adds bias, applies the activation or adds to what is there: the end of every linear layer.
INLINE void finish(
    const docent_linear *l, float *sums, int64_t sums_stride, int64_t row, int64_t rows, int64_t output,
    int64_t outputs) {
    for (int64_t r = 0; r < rows; r++) {
        float *from = sums + r * sums_stride, *to = l->output + (row + r) * l->outputs + output;
        if (l->bias) add(l->bias + output, outputs, from);
        if (l->accumulate) {
            add(from, outputs, to);
        } else {
            if (l->activation) activate(l->activation, outputs, from);
            memcpy(to, from, (size_t)outputs * 4);
        }
    }
}

/// How far ahead of their use weights are asked for, in the order in which they lie in memory: a group of outputs is
/// read as several short streams, which the hardware does not follow from one group to the next. One row of
/// [1536, 576] bf16 on two Zen 4 cores: 21 GB/s without, 30 with (the memory gives 31).
enum { prefetch_bytes = 9216 };

enum { output_block = 32, row_block = 4, row_limit = 16 };

/// Sums of `rows` x `outputs` dot products; both are compile-time constants after inlining.
INLINE void dots(
    const docent_linear *l, docent_type type, int rows, int outputs, int64_t row, int64_t output, float *sums) {
    vector total[32];
    int64_t inputs = l->inputs, size = type == docent_f32 ? 4 : 2;
    const float *x = l->input + row * inputs;
    const char *w = (const char *)l->weight + output * inputs * size;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * outputs; i++) total[i] = (vector){};
    int64_t k = 0;
    for (; k + LANES <= inputs; k += LANES) {
#pragma clang loop unroll(full)
        for (int o = 0; o < outputs; o++) {
            vector weight = load_type(type, w, o * inputs + k);
            __builtin_prefetch(w + (k * outputs + o * LANES) * size + prefetch_bytes);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) total[r * outputs + o] += weight * load(x + r * inputs + k);
        }
    }
    if (k < inputs) {
        for (int o = 0; o < outputs; o++) {
            vector weight = load_type_some(type, w, o * inputs + k, inputs - k);
            for (int r = 0; r < rows; r++) total[r * outputs + o] += weight * load_some(x + r * inputs + k, inputs - k);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int o = 0; o < outputs; o++) sums[r * output_block + o] = sum(total[r * outputs + o]);
}

/// Outputs in groups that keep the accumulators in registers.
INLINE void multiply_block(const docent_linear *l, docent_type type, int rows, int64_t row, int64_t first, int64_t last) {
    const int group = rows == 1 ? 4 : REGISTERS / 8;
    float sums[row_block * output_block];
    int64_t output = first;
    for (; output + group <= last; output += group) dots(l, type, rows, group, row, output, sums + output - first);
    for (; output < last; output++) dots(l, type, rows, 1, row, output, sums + output - first);
    finish(l, sums, output_block, row, rows, first, last - first);
}

/// All rows pass over a block of outputs while its weights are in the core's own cache: eight rows at once would need each
/// of their inputs for one output alone.
INLINE void multiply_typed(const docent_linear *l, docent_type type, int64_t first, int64_t last) {
    for (int64_t block = first; block < last; block += output_block) {
        int64_t end = block + output_block < last ? block + output_block : last;
        for (int64_t row = 0; row < l->rows; row += row_block) {
            switch (l->rows - row) {
            case 1: multiply_block(l, type, 1, row, block, end); break;
            case 2: multiply_block(l, type, 2, row, block, end); break;
            case 3: multiply_block(l, type, 3, row, block, end); break;
            default: multiply_block(l, type, 4, row, block, end);
            }
        }
    }
}

static void multiply_f32(const docent_linear *l, int64_t first, int64_t last) {
    multiply_typed(l, docent_f32, first, last);
}
static void multiply_f16(const docent_linear *l, int64_t first, int64_t last) {
    multiply_typed(l, docent_f16, first, last);
}
static void multiply_bf16(const docent_linear *l, int64_t first, int64_t last) {
    multiply_typed(l, docent_bf16, first, last);
}

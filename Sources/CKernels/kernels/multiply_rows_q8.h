// Linear layers over q8 weights: both sides are int8 in blocks of 32, whose dot products are exact integers; one f32
// multiply-add for each block joins the scales. The order is the same for any number of rows.

/// Symmetric int8 with the block's largest magnitude at 127 (round to nearest, ties to even).
static void quantize_rows(
    const float *input, int64_t inputs, int64_t first, int64_t last, docent_quantized_rows out) {
    int64_t blocks = inputs / docent_q8_block;
    for (int64_t block = first * blocks; block < last * blocks; block++) {
        const float *x = input + block * docent_q8_block;
        vector top = {};
        for (int i = 0; i < docent_q8_block; i += LANES) {
            vector v = load(x + i);
            top = larger(top, larger(v, -v));
        }
        float magnitude = largest(top), inverse = magnitude > 0 ? 127.0f / magnitude : 0;
        integers total = {};
        for (int i = 0; i < docent_q8_block; i += LANES) {
            // Adding 1.5 x 2^23 leaves the rounded integer in the low bits.
            integers q = (integers)(load(x + i) * inverse + 0x1.8p23f) - (integers)splat(0x1.8p23f);
            total += q;
            typedef int8_t bytes __attribute__((vector_size(LANES)));
            bytes narrow = __builtin_convertvector(q, bytes);
            memcpy(out.values + block * docent_q8_block + i, &narrow, LANES);
        }
        out.scales[block] = magnitude / 127.0f;
        out.corrections[block] = -128 * __builtin_reduce_add(total);
    }
}

#if LANES == 16
enum { parts = 1 };
#else
enum { parts = docent_q8_outputs / LANES };
#endif

#if defined(HAS_VNNI)
/// Adds four products a lane; the tile's weights are shifted to unsigned, which the corrections take back.
INLINE integers dot4(integers total, integers weights, int32_t activations) {
    return (integers)_mm512_dpbusd_epi32((__m512i)total, (__m512i)weights, _mm512_set1_epi32(activations));
}
INLINE integers prepare(integers weights) { return weights ^ (integers)((words){} + 0x80808080u); }
INLINE integers begin(int32_t correction) { return (integers){} + correction; }
#elif defined(HAS_AVX2)
/// Unsigned x signed with the sign moved to the activations: at most 2 x 127 x 127, no saturation.
INLINE integers dot4(integers total, integers weights, int32_t activations) {
    __m256i w = (__m256i)weights;
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(activations), w));
    return total + (integers)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
INLINE integers prepare(integers weights) { return weights; }
INLINE integers begin(int32_t correction) { return (integers){}; }
#else
INLINE integers dot4(integers total, integers weights, int32_t activations) {
    for (int i = 0; i < 4; i++)
        total += (weights << (24 - 8 * i) >> 24) * (int32_t)(int8_t)(activations >> (8 * i));
    return total;
}
INLINE integers prepare(integers weights) { return weights; }
INLINE integers begin(int32_t correction) { return (integers){}; }
#endif

/// `rows` (a constant after inlining) x 16 outputs.
INLINE void multiply_panel(const docent_linear *l, int rows, int64_t row, const char *panel, float *sums) {
    int64_t inputs = l->inputs, blocks = inputs / docent_q8_block;
    const int8_t *x = l->quantized.values + row * inputs;
    const float *x_scales = l->quantized.scales + row * blocks;
    const int32_t *corrections = l->quantized.corrections + row * blocks;
    const char *scales = panel + blocks * docent_q8_tile;
#pragma clang loop unroll(full)
    for (int part = 0; part < parts; part++) {
        vector total[row_block];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) total[r] = (vector){};
        for (int64_t block = 0; block < blocks; block++) {
            const char *tile = panel + block * docent_q8_tile + part * LANES * 4;
            integers weights[8];
#pragma clang loop unroll(full)
            for (int g = 0; g < 8; g++) {
                memcpy(&weights[g], tile + g * 64, sizeof(integers));
                weights[g] = prepare(weights[g]);
            }
            vector scale = from_bf16(scales + block * docent_q8_scales + part * LANES * 2);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                integers dot = begin(corrections[r * blocks + block]);
#pragma clang loop unroll(full)
                for (int g = 0; g < 8; g++) {
                    int32_t four;
                    memcpy(&four, x + r * inputs + block * docent_q8_block + g * 4, 4);
                    dot = dot4(dot, weights[g], four);
                }
                total[r] += __builtin_convertvector(dot, vector) * (scale * x_scales[r * blocks + block]);
            }
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) store(sums + r * docent_q8_outputs + part * LANES, total[r]);
    }
}

static void multiply_q8(const docent_linear *l, int64_t first, int64_t last) {
    int64_t panel_bytes = docent_q8_bytes(docent_q8_outputs, l->inputs);
    for (int64_t output = first; output < last; output += docent_q8_outputs) {
        const char *panel = (const char *)l->weight + output / docent_q8_outputs * panel_bytes;
        int64_t outputs = last - output < docent_q8_outputs ? last - output : docent_q8_outputs;
        for (int64_t row = 0; row < l->rows; row += row_block) {
            float sums[row_block * docent_q8_outputs];
            int64_t rows = l->rows - row < row_block ? l->rows - row : row_block;
            switch (rows) {
            case 1: multiply_panel(l, 1, row, panel, sums); break;
            case 2: multiply_panel(l, 2, row, panel, sums); break;
            case 3: multiply_panel(l, 3, row, panel, sums); break;
            case 4: multiply_panel(l, 4, row, panel, sums); break;
            case 5: multiply_panel(l, 5, row, panel, sums); break;
            case 6: multiply_panel(l, 6, row, panel, sums); break;
            case 7: multiply_panel(l, 7, row, panel, sums); break;
            default: multiply_panel(l, 8, row, panel, sums);
            }
            finish(l, sums, docent_q8_outputs, row, rows, output, outputs);
        }
    }
}

static void multiply_rows(const docent_linear *l, int64_t first, int64_t last) {
    switch (l->type) {
    case docent_f32: return multiply_f32(l, first, last);
    case docent_f16: return multiply_f16(l, first, last);
    case docent_bf16: return multiply_bf16(l, first, last);
    case docent_q8: return multiply_q8(l, first, last);
    }
}

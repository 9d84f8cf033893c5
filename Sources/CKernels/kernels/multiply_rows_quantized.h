// Linear layers over q8 and q4 weights: both sides are integers in blocks of 32, whose dot products are exact integers; one f32
// multiply-add for each block joins the scales. The order is the same for any number of rows.

/// Symmetric int8 with the block's largest magnitude at 127 (round to nearest, ties to even).
static void quantize_rows(
    const float *input, int64_t inputs, int64_t first, int64_t last, docent_quantized_rows out) {
    int64_t blocks = inputs / docent_block;
    for (int64_t block = first * blocks; block < last * blocks; block++) {
        const float *x = input + block * docent_block;
        vector top = {};
        for (int i = 0; i < docent_block; i += LANES) {
            vector v = load(x + i);
            top = larger(top, larger(v, -v));
        }
        float magnitude = largest(top), inverse = magnitude > 0 ? 127.0f / magnitude : 0;
        integers total = {};
        for (int i = 0; i < docent_block; i += LANES) {
            // Adding 1.5 x 2^23 leaves the rounded integer in the low bits.
            integers q = (integers)(load(x + i) * inverse + 0x1.8p23f) - (integers)splat(0x1.8p23f);
            total += q;
            typedef int8_t bytes __attribute__((vector_size(LANES)));
            bytes narrow = __builtin_convertvector(q, bytes);
            memcpy(out.values + block * docent_block + i, &narrow, LANES);
        }
        out.scales[block] = magnitude / 127.0f;
        out.totals[block] = __builtin_reduce_add(total);
    }
}

#if LANES == 16
enum { parts = 1 };
#else
enum { parts = docent_panel_outputs / LANES };
#endif

/// The weights of one block, four inputs a lane: q8 as signed bytes, q4 as bytes 0 ... 15 that stand for -8 ... 7.
INLINE void load_block(docent_type type, const char *tile, integers weights[8]) {
    if (type == docent_q8) {
#pragma clang loop unroll(full)
        for (int g = 0; g < 8; g++) memcpy(&weights[g], tile + g * 64, sizeof(integers));
    } else {
#pragma clang loop unroll(full)
        for (int g = 0; g < 4; g++) {
            words both;
            memcpy(&both, tile + g * 64, sizeof both);
            weights[2 * g] = (integers)(both & 0x0f0f0f0fu);
            weights[2 * g + 1] = (integers)(both >> 4 & 0x0f0f0f0fu);
        }
    }
}

INLINE int32_t four_values(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return four;
}

#if defined(HAS_VNNI)
/// One instruction takes unsigned x signed bytes: q8 is shifted to unsigned, and what is added to the weights, times the
/// total of the activations, is taken back.
INLINE void prepare(docent_type type, integers weights[8]) {
    if (type == docent_q4) return;
#pragma clang loop unroll(full)
    for (int g = 0; g < 8; g++) weights[g] ^= (integers)((words){} + 0x80808080u);
}
INLINE integers dot_block(docent_type type, const integers weights[8], const int8_t *x, int32_t total) {
    integers dot = (integers){} - total * (type == docent_q4 ? 8 : 128);
#pragma clang loop unroll(full)
    for (int g = 0; g < 8; g++)
        dot = (integers)_mm512_dpbusd_epi32((__m512i)dot, (__m512i)weights[g], _mm512_set1_epi32(four_values(x + g * 4)));
    return dot;
}
#elif defined(HAS_AVX2)
INLINE void prepare(docent_type type, integers weights[8]) {}
/// Unsigned x signed bytes, summed in pairs. q8 moves the weight's sign to the activation: 2 x 127 x 127 fits 16 bits, and
/// no second pair does. q4 is unsigned already, and all eight pairs of a block fit: 16 x 15 x 127.
INLINE integers dot_block(docent_type type, const integers weights[8], const int8_t *x, int32_t total) {
    const __m256i ones = _mm256_set1_epi16(1);
    if (type == docent_q4) {
        __m256i pairs = _mm256_setzero_si256();
#pragma clang loop unroll(full)
        for (int g = 0; g < 8; g++)
            pairs = _mm256_add_epi16(
                pairs, _mm256_maddubs_epi16((__m256i)weights[g], _mm256_set1_epi32(four_values(x + g * 4))));
        return (integers)_mm256_madd_epi16(pairs, ones) - total * 8;
    }
    integers dot = {};
#pragma clang loop unroll(full)
    for (int g = 0; g < 8; g++) {
        __m256i w = (__m256i)weights[g];
        __m256i moved = _mm256_sign_epi8(_mm256_set1_epi32(four_values(x + g * 4)), w);
        dot += (integers)_mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(w), moved), ones);
    }
    return dot;
}
#else
INLINE void prepare(docent_type type, integers weights[8]) {}
INLINE integers dot_block(docent_type type, const integers weights[8], const int8_t *x, int32_t total) {
    integers dot = (integers){} - total * (type == docent_q4 ? 8 : 0);
#pragma clang loop unroll(full)
    for (int g = 0; g < 8; g++)
        for (int i = 0; i < 4; i++) dot += (weights[g] << (24 - 8 * i) >> 24) * (int32_t)x[g * 4 + i];
    return dot;
}
#endif

/// `rows` (a constant after inlining) x 16 outputs.
INLINE void multiply_panel(
    const docent_linear *l, docent_type type, int rows, int64_t row, const char *panel, float *sums) {
    int64_t inputs = l->inputs, blocks = inputs / docent_block;
    int64_t tile_bytes = type == docent_q4 ? docent_q4_tile : docent_q8_tile;
    const int8_t *x = l->quantized.values + row * inputs;
    const float *x_scales = l->quantized.scales + row * blocks;
    const int32_t *totals = l->quantized.totals + row * blocks;
    const char *scales = panel + blocks * tile_bytes;
#pragma clang loop unroll(full)
    for (int part = 0; part < parts; part++) {
        vector total[row_block];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) total[r] = (vector){};
        for (int64_t block = 0; block < blocks; block++) {
            integers weights[8];
            load_block(type, panel + block * tile_bytes + part * LANES * 4, weights);
            prepare(type, weights);
            vector scale = from_bf16(scales + block * docent_panel_scales + part * LANES * 2);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                const int8_t *values = x + r * inputs + block * docent_block;
                integers dot = dot_block(type, weights, values, totals[r * blocks + block]);
                total[r] += __builtin_convertvector(dot, vector) * (scale * x_scales[r * blocks + block]);
            }
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) store(sums + r * docent_panel_outputs + part * LANES, total[r]);
    }
}

INLINE void multiply_quantized(const docent_linear *l, docent_type type, int64_t first, int64_t last) {
    int64_t panel_bytes = docent_quantized_bytes(type, docent_panel_outputs, l->inputs);
    for (int64_t output = first; output < last; output += docent_panel_outputs) {
        const char *panel = (const char *)l->weight + output / docent_panel_outputs * panel_bytes;
        int64_t outputs = last - output < docent_panel_outputs ? last - output : docent_panel_outputs;
        for (int64_t row = 0; row < l->rows; row += row_block) {
            float sums[row_block * docent_panel_outputs];
            int64_t rows = l->rows - row < row_block ? l->rows - row : row_block;
            switch (rows) {
            case 1: multiply_panel(l, type, 1, row, panel, sums); break;
            case 2: multiply_panel(l, type, 2, row, panel, sums); break;
            case 3: multiply_panel(l, type, 3, row, panel, sums); break;
            case 4: multiply_panel(l, type, 4, row, panel, sums); break;
            case 5: multiply_panel(l, type, 5, row, panel, sums); break;
            case 6: multiply_panel(l, type, 6, row, panel, sums); break;
            case 7: multiply_panel(l, type, 7, row, panel, sums); break;
            default: multiply_panel(l, type, 8, row, panel, sums);
            }
            finish(l, sums, docent_panel_outputs, row, rows, output, outputs);
        }
    }
}

static void multiply_q8(const docent_linear *l, int64_t first, int64_t last) {
    multiply_quantized(l, docent_q8, first, last);
}
static void multiply_q4(const docent_linear *l, int64_t first, int64_t last) {
    multiply_quantized(l, docent_q4, first, last);
}

static void multiply_rows(const docent_linear *l, int64_t first, int64_t last) {
    switch (l->type) {
    case docent_f32: return multiply_f32(l, first, last);
    case docent_f16: return multiply_f16(l, first, last);
    case docent_bf16: return multiply_bf16(l, first, last);
    case docent_q8: return multiply_q8(l, first, last);
    case docent_q4: return multiply_q4(l, first, last);
    }
}

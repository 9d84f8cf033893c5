// q8 layers of many rows on AVX2, by Winograd's way of doing inner products (S. Winograd 1968, "A new algorithm for
// inner product"): a0 w0 + a1 w1 = (a0 + w1) (a1 + w0) - a0 a1 - w0 w1.
//
// It trades one of two multiplications for two additions. That is no fewer instructions, but vpmaddwd runs on two of
// four pipes and additions run on all: of an even mix 3.3 are done in a cycle, of one in four 3.7. What is subtracted
// belongs to the row or to the output alone and is added up once. Sums are exact integers, so that a row's result is
// bit for bit that of `multiply_rows`, whatever the number of rows.
#if defined(HAS_AVX2) && !defined(HAS_VNNI)

enum { quantized_tile_rows = 4, quads = docent_block / 4 };

/// A block of 32 inputs of four rows; missing rows are zero.
typedef struct {
    /// Negative sums of all products a0 a1.
    int32_t starts[quantized_tile_rows];
    float scales[quantized_tile_rows];
    /// Of each four inputs 0 and 2, then 1 and 3.
    int16_t values[quads][quantized_tile_rows][4];
} packed_block;

/// A block of 32 inputs of a panel, ready for any number of rows.
typedef struct {
    /// For each four inputs and each half of the outputs: inputs 0 and 2, then 1 and 3.
    __m256i weights[quads][2][2];
    /// Negative sums of all products w0 w1.
    __m256i starts[2];
    vector scales[2];
} wide_block;

/// Blocks that are widened at once: with them, the sums and a tile's rows still fit in the first-level cache.
enum { wide_blocks = 14 };
/// Rows of one call: enough to make widening cheap.
enum { quantized_rows = 128 };

/// What all products a0 a1 of 32 values add up to.
INLINE int32_t sum_of_pairs(const int16_t *x) {
    __m256i low = _mm256_loadu_si256((const __m256i *)x), high = _mm256_loadu_si256((const __m256i *)x + 1);
    // Every second 32 bits meet those after them, the others nothing.
    __m256i products = _mm256_add_epi32(
        _mm256_madd_epi16(low, _mm256_srli_epi64(low, 32)), _mm256_madd_epi16(high, _mm256_srli_epi64(high, 32)));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(products), _mm256_extracti128_si256(products, 1));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum)));
}

static int64_t packed_bytes(int64_t rows, int64_t inputs) {
    int64_t tiles = (rows + quantized_tile_rows - 1) / quantized_tile_rows;
    return tiles * (inputs / docent_block) * (int64_t)sizeof(packed_block);
}

INLINE void pack_form(
    docent_form form, const docent_rows *source, int64_t rows, int64_t first, int64_t last, void *packed) {
    int64_t blocks = source->inputs / docent_block;
    packed_block *to = (packed_block *)packed + first / quantized_tile_rows * blocks;
    for (int64_t tile = first; tile < last; tile += quantized_tile_rows, to += blocks) {
        for (int64_t r = 0; r < quantized_tile_rows; r++) {
            bool exists = tile + r < rows;
            const float *row = exists ? row_values(form, source, tile + r) : NULL;
            float scale = exists ? row_scale(form, source, row) : 0;
            for (int64_t block = 0; block < blocks; block++) {
                int16_t values[docent_block] = {0};
                int32_t unused;
                docent_quantized_rows out = {.values = values, .scales = to[block].scales + r, .starts = &unused};
                to[block].scales[r] = 0;
                if (exists) quantize_block(docent_q8, form, source, row, scale, block * docent_block, 0, out);
                to[block].starts[r] = -sum_of_pairs(values);
                for (int q = 0; q < quads; q++) memcpy(to[block].values[q][r], values + 4 * q, 8);
            }
        }
    }
}

static void pack_quantized_rows(const docent_rows *source, int64_t rows, int64_t first, int64_t last, void *packed) {
    switch (source->form) {
    case docent_rms_normalized: return pack_form(docent_rms_normalized, source, rows, first, last, packed);
    case docent_silu_gated: return pack_form(docent_silu_gated, source, rows, first, last, packed);
    case docent_gelu_tanh_gated: return pack_form(docent_gelu_tanh_gated, source, rows, first, last, packed);
    default: pack_form(docent_as_is, source, rows, first, last, packed);
    }
}

static void widen_blocks(const char *panel, int64_t blocks, wide_block *wide) {
    for (int64_t block = 0; block < blocks; block++, wide++, panel += panel_block_bytes(docent_q8)) {
        for (int half = 0; half < 2; half++) {
            __m256i starts = _mm256_setzero_si256();
            for (int q = 0; q < quads; q++) {
                integers weights[2];
                load_group(docent_q8, panel + docent_panel_scales + q * docent_group + half * LANES * 4, weights);
                wide->weights[q][half][0] = (__m256i)weights[0];
                wide->weights[q][half][1] = (__m256i)weights[1];
                starts = _mm256_sub_epi32(starts, _mm256_madd_epi16((__m256i)weights[0], (__m256i)weights[1]));
            }
            wide->starts[half] = starts;
            wide->scales[half] = from_bf16(panel + half * LANES * 2);
        }
    }
}

/// Adds four rows x 16 outputs x `blocks` blocks to `sums`.
INLINE void multiply_wide(const packed_block *x, const wide_block *wide, int64_t blocks, float *sums) {
    for (int64_t block = 0; block < blocks; block++, wide++, x++) {
        __m256i dot[quantized_tile_rows][2];
#pragma clang loop unroll(full)
        for (int r = 0; r < quantized_tile_rows; r++)
#pragma clang loop unroll(full)
            for (int half = 0; half < 2; half++)
                dot[r][half] = _mm256_add_epi32(_mm256_set1_epi32(x->starts[r]), wide->starts[half]);
        KEEP_LOADS_HERE;
#pragma clang loop unroll_count(2)
        for (int q = 0; q < quads; q++) {
            // Left to itself, clang loads a whole block first and spills it.
            KEEP_LOADS_HERE;
#pragma clang loop unroll(full)
            for (int r = 0; r < quantized_tile_rows; r++) {
                int32_t values[2];
                memcpy(values, x->values[q][r], 8);
                __m256i even = _mm256_set1_epi32(values[0]), odd = _mm256_set1_epi32(values[1]);
#pragma clang loop unroll(full)
                for (int half = 0; half < 2; half++) {
                    __m256i left = _mm256_add_epi16(even, wide->weights[q][half][1]);
                    __m256i right = _mm256_add_epi16(odd, wide->weights[q][half][0]);
                    dot[r][half] = _mm256_add_epi32(dot[r][half], _mm256_madd_epi16(left, right));
                }
            }
        }
        KEEP_LOADS_HERE;
#pragma clang loop unroll(full)
        for (int r = 0; r < quantized_tile_rows; r++)
#pragma clang loop unroll(full)
            for (int half = 0; half < 2; half++) {
                float *sum = sums + r * docent_panel_outputs + half * LANES;
                vector total = load(sum);
                total += __builtin_convertvector((integers)dot[r][half], vector)
                    * (wide->scales[half] * x->scales[r]);
                store(sum, total);
            }
    }
}

static void multiply_quantized_tiles(
    const docent_linear *l, const void *packed, int64_t first_row, int64_t last_row, int64_t first, int64_t last) {
    int64_t blocks = l->inputs / docent_block, chunks = (blocks + wide_blocks - 1) / wide_blocks;
    const packed_block *rows = (const packed_block *)packed + first_row / quantized_tile_rows * blocks;
    wide_block wide[wide_blocks];
    float sums[quantized_rows * docent_panel_outputs];
    for (int64_t output = first; output < last; output += docent_panel_outputs) {
        const char *panel = (const char *)l->weight
            + output / docent_panel_outputs * blocks * panel_block_bytes(docent_q8);
        int64_t outputs = last - output < docent_panel_outputs ? last - output : docent_panel_outputs;
        memset(sums, 0, sizeof sums);
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            int64_t block = chunk * blocks / chunks, count = (chunk + 1) * blocks / chunks - block;
            widen_blocks(panel + block * panel_block_bytes(docent_q8), count, wide);
            for (int64_t row = 0; row < last_row - first_row; row += quantized_tile_rows)
                multiply_wide(
                    rows + row / quantized_tile_rows * blocks + block, wide, count, sums + row * docent_panel_outputs);
        }
        // A constant number of outputs makes shorter loops.
        if (outputs == docent_panel_outputs)
            finish(l, sums, docent_panel_outputs, first_row, last_row - first_row, output, docent_panel_outputs);
        else
            finish(l, sums, docent_panel_outputs, first_row, last_row - first_row, output, outputs);
    }
}
#endif

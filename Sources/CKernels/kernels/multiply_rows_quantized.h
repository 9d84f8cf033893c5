// Linear layers over q8 and q4 weights: both sides are integers in blocks of 32, whose dot products are exact integers; one
// f32 multiply-add for each block joins the scales. The order is the same for any number of rows.

INLINE int groups_of(docent_type type) { return type == docent_q4 ? 4 : 8; }
INLINE int64_t panel_block_bytes(docent_type type) { return docent_panel_scales + groups_of(type) * docent_group; }
/// Bytes of a block's activations.
INLINE int64_t row_block_bytes(docent_type type) { return groups_of(type) * vectors_of(type) * 4; }

/// Four activations of each 32 bits, or two of them in the order of AVX2's 16-bit weights.
INLINE void store_values(docent_type type, integers q, char *to, int64_t index) {
#if defined(HAS_AVX2) && !defined(HAS_VNNI)
    if (type == docent_q8) {
        typedef int16_t shorts __attribute__((vector_size(LANES * 2)));
        shorts narrow = __builtin_convertvector(q, shorts);
        narrow = __builtin_shufflevector(narrow, narrow, 0, 2, 1, 3, 4, 6, 5, 7);
        memcpy(to + index * 2, &narrow, sizeof narrow);
        return;
    }
#endif
    typedef int8_t bytes __attribute__((vector_size(LANES)));
    bytes narrow = __builtin_convertvector(q, bytes);
    memcpy(to + index, &narrow, LANES);
}

/// LANES elements of a row in its form; `scale` is the row's, where it is normalised.
INLINE vector formed(docent_form form, const docent_rows *rows, const float *row, float scale, int64_t i) {
    switch (form) {
    case docent_rms_normalized: return load(row + i) * scale * load(rows->weight + i);
    case docent_silu_gated:
    case docent_gelu_tanh_gated: return gated(form, load(row + i), load(row + rows->inputs + i));
    default: return load(row + i);
    }
}

/// Symmetric int8 with the block's largest magnitude at 127 (round to nearest, ties to even); `row[i]` is the first of the
/// block's elements, `to` its place in `out`.
INLINE void quantize_block(
    docent_type type, docent_form form, const docent_rows *rows, const float *row, float scale, int64_t i, int64_t to,
    docent_quantized_rows out) {
    vector values[docent_block / LANES], top = {};
    for (int v = 0; v < docent_block / LANES; v++) {
        values[v] = formed(form, rows, row, scale, i + v * LANES);
        top = larger(top, larger(values[v], -values[v]));
    }
    float magnitude = largest(top), inverse = magnitude > 0 ? 127.0f / magnitude : 0;
    integers total = {};
    for (int v = 0; v < docent_block / LANES; v++) {
        // Adding 1.5 x 2^23 leaves the rounded integer in the low bits.
        integers q = (integers)(values[v] * inverse + 0x1.8p23f) - (integers)splat(0x1.8p23f);
        total += q;
        store_values(type, q, (char *)out.values + to * row_block_bytes(type), v * LANES);
    }
    out.scales[to] = magnitude / 127.0f;
    out.starts[to] = start_of(type, total);
}

INLINE const float *row_values(docent_form form, const docent_rows *rows, int64_t index) {
    return rows->values + index * rows->inputs * (is_gated(form) ? 2 : 1);
}

INLINE float row_scale(docent_form form, const docent_rows *rows, const float *row) {
    return form == docent_rms_normalized ? rms_scale(row, rows->epsilon, rows->inputs) : 1;
}

INLINE void quantize_row(
    docent_type type, docent_form form, const docent_rows *rows, int64_t index, docent_quantized_rows out) {
    int64_t blocks = rows->inputs / docent_block;
    const float *row = row_values(form, rows, index);
    float scale = row_scale(form, rows, row);
    for (int64_t block = 0; block < blocks; block++)
        quantize_block(type, form, rows, row, scale, block * docent_block, index * blocks + block, out);
}

INLINE void quantize_form(
    docent_type type, const docent_rows *rows, int64_t first, int64_t last, docent_quantized_rows out) {
    for (int64_t row = first; row < last; row++) {
        switch (rows->form) {
        case docent_rms_normalized: quantize_row(type, docent_rms_normalized, rows, row, out); break;
        case docent_silu_gated: quantize_row(type, docent_silu_gated, rows, row, out); break;
        case docent_gelu_tanh_gated: quantize_row(type, docent_gelu_tanh_gated, rows, row, out); break;
        default: quantize_row(type, docent_as_is, rows, row, out);
        }
    }
}

static void quantize_rows(
    docent_type type, const docent_rows *rows, int64_t first, int64_t last, docent_quantized_rows out) {
    if (type == docent_q4) quantize_form(docent_q4, rows, first, last, out);
    else quantize_form(docent_q8, rows, first, last, out);
}

enum { parts = docent_panel_outputs / LANES };
/// Rows of one pass over a panel: as many as have their integer sums in registers beside the weights being widened.
enum { pass_rows = REGISTERS / 4 };
/// How far ahead of their use a panel's bytes are asked for. One row of SmolVLM-256M's q8 matrices on two Zen 3 cores: 24
/// GB/s without, 26.5 with (the memory gives 29).
enum { quantized_prefetch = 2048 };
/// Activations of the rows that pass over a panel before the next is read: half of a core's own cache.
enum { resident_bytes = 256 << 10 };

/// `rows` (a constant after inlining) x 16 outputs.
INLINE void multiply_panel(
    const docent_linear *l, docent_type type, int rows, int64_t row, const char *panel, float *sums) {
    int64_t blocks = l->inputs / docent_block, row_bytes = blocks * row_block_bytes(type);
    const char *x = (const char *)l->quantized.values + row * row_bytes;
    const float *x_scales = l->quantized.scales + row * blocks;
    const int32_t *starts = l->quantized.starts + row * blocks;
    vector total[pass_rows * parts];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * parts; i++) total[i] = (vector){};
    for (int64_t block = 0; block < blocks; block++) {
        const char *scales = panel + block * panel_block_bytes(type), *tile = scales + docent_panel_scales;
        integers dot[pass_rows * parts];
#pragma clang loop unroll(full)
        for (int i = 0; i < rows * parts; i++) dot[i] = (integers){} + starts[i / parts * blocks + block];
        // Rolled: unrolled, the compiler loads everything first and spills it.
#pragma clang loop unroll(disable)
        for (int g = 0; g < groups_of(type); g++) {
            __builtin_prefetch(tile + g * docent_group + quantized_prefetch);
            integers weights[parts][2];
#pragma clang loop unroll(full)
            for (int part = 0; part < parts; part++)
                load_group(type, tile + g * docent_group + part * LANES * 4, weights[part]);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors_of(type); v++) {
                    int32_t values;
                    memcpy(&values, x + r * row_bytes + block * row_block_bytes(type) + (g * vectors_of(type) + v) * 4, 4);
#pragma clang loop unroll(full)
                    for (int part = 0; part < parts; part++)
                        dot[r * parts + part] = add_products(type, dot[r * parts + part], weights[part][v], values);
                }
        }
#pragma clang loop unroll(full)
        for (int part = 0; part < parts; part++) {
            vector scale = from_bf16(scales + part * LANES * 2);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++)
                total[r * parts + part] += __builtin_convertvector(total_of(type, dot[r * parts + part]), vector)
                    * (scale * x_scales[r * blocks + block]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * parts; i++) store(sums + i / parts * docent_panel_outputs + i % parts * LANES, total[i]);
}

/// Up to `pass_rows` rows x one panel.
INLINE void multiply_pass(
    const docent_linear *l, docent_type type, int64_t rows, int64_t row, const char *panel, float *sums) {
    switch (rows) {
    case 1: multiply_panel(l, type, 1, row, panel, sums); break;
    case 2: multiply_panel(l, type, 2, row, panel, sums); break;
    case 3: multiply_panel(l, type, 3, row, panel, sums); break;
    case 4: multiply_panel(l, type, 4, row, panel, sums); break;
#if REGISTERS == 32
    case 5: multiply_panel(l, type, 5, row, panel, sums); break;
    case 6: multiply_panel(l, type, 6, row, panel, sums); break;
    case 7: multiply_panel(l, type, 7, row, panel, sums); break;
    default: multiply_panel(l, type, 8, row, panel, sums);
#endif
    }
}

INLINE void multiply_quantized(const docent_linear *l, docent_type type, int64_t first, int64_t last) {
    int64_t panel_bytes = docent_quantized_bytes(type, docent_panel_outputs, l->inputs);
    int64_t row_bytes = l->inputs / docent_block * row_block_bytes(type);
    int64_t passes = resident_bytes / (row_bytes * pass_rows), resident = (passes > 1 ? passes : 1) * pass_rows;
    for (int64_t start = 0; start < l->rows; start += resident) {
        int64_t end = l->rows - start < resident ? l->rows : start + resident;
        for (int64_t output = first; output < last; output += docent_panel_outputs) {
            const char *panel = (const char *)l->weight + output / docent_panel_outputs * panel_bytes;
            int64_t outputs = last - output < docent_panel_outputs ? last - output : docent_panel_outputs;
            for (int64_t row = start; row < end; row += pass_rows) {
                float sums[pass_rows * docent_panel_outputs];
                int64_t rows = end - row < pass_rows ? end - row : pass_rows;
                multiply_pass(l, type, rows, row, panel, sums);
                finish(l, sums, docent_panel_outputs, row, rows, output, outputs);
            }
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

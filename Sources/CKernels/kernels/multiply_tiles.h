// Linear layers of many rows (prefill, vision): tiles of TILE_ROWS x TILE_OUTPUTS kept in registers over all inputs.
//
// Rows are packed once for each layer, weights are widened to f32 into a panel that stays in the core's own cache
// while all rows pass over it. One accumulator for each (row, output), inputs in order: the result of a row does not
// depend on how many others there are.

enum { tile_rows = TILE_ROWS, tile_outputs = TILE_VECTORS * LANES };

/// Adds `a` [depth, tile_rows] x `b` [depth, tile_outputs] to `total`.
INLINE void multiply_tile(
    const float *a, const float *b, int64_t depth, vector total[tile_rows * TILE_VECTORS]) {
    vector sums[tile_rows * TILE_VECTORS];
#pragma clang loop unroll(full)
    for (int i = 0; i < tile_rows * TILE_VECTORS; i++) sums[i] = total[i];
    for (int64_t k = 0; k < depth; k++, a += tile_rows, b += tile_outputs) {
        vector right[TILE_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++) right[v] = load(b + v * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < TILE_VECTORS; v++) sums[r * TILE_VECTORS + v] += splat(a[r]) * right[v];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < tile_rows * TILE_VECTORS; i++) total[i] = sums[i];
}

/// [rows, inputs] → tiles of [inputs, tile_rows]; missing rows of the last tile are zero.
static void pack_rows(
    const float *input, int64_t rows, int64_t inputs, int64_t first, int64_t last, float *packed) {
    for (int64_t row = first; row < last; row += tile_rows) {
        float *tile = packed + row * inputs;
        for (int64_t r = 0; r < tile_rows; r++) {
            if (row + r < rows) {
                const float *from = input + (row + r) * inputs;
                for (int64_t k = 0; k < inputs; k++) tile[k * tile_rows + r] = from[k];
            } else {
                for (int64_t k = 0; k < inputs; k++) tile[k * tile_rows + r] = 0;
            }
        }
    }
}

/// LANES rows of LANES values become columns: `to[i * stride + j] = rows[j][i]`.
INLINE void store_transposed(vector rows[LANES], float *to, int64_t stride) {
    // log2(LANES) passes of interleaving the first half with the second.
#pragma clang loop unroll(full)
    for (int pass = 1; pass < LANES; pass *= 2) {
        vector next[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = INTERLEAVE_LOW(rows[i], rows[i + LANES / 2]);
            next[2 * i + 1] = INTERLEAVE_HIGH(rows[i], rows[i + LANES / 2]);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) rows[i] = next[i];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i++) store(to + i * stride, rows[i]);
}

INLINE void pack_outputs_typed(const docent_linear *l, docent_type type, int64_t output, float *panel) {
    int64_t inputs = l->inputs, outputs = l->outputs - output < tile_outputs ? l->outputs - output : tile_outputs;
    for (int64_t o = 0; o < tile_outputs; o += LANES) {
        for (int64_t k = 0; k < inputs; k += LANES) {
            int64_t count = inputs - k < LANES ? inputs - k : LANES;
            vector rows[LANES];
            for (int j = 0; j < LANES; j++) {
                int64_t index = (output + o + j) * inputs + k;
                if (o + j >= outputs) rows[j] = (vector){};
                else if (count == LANES) rows[j] = load_type(type, l->weight, index);
                else rows[j] = load_type_some(type, l->weight, index, count);
            }
            if (count == LANES) {
                store_transposed(rows, panel + k * tile_outputs + o, tile_outputs);
            } else {
                float square[LANES * LANES];
                store_transposed(rows, square, LANES);
                for (int64_t i = 0; i < count; i++)
                    memcpy(panel + (k + i) * tile_outputs + o, square + i * LANES, sizeof(vector));
            }
        }
    }
}

static void pack_outputs(const docent_linear *l, int64_t output, float *panel) {
    switch (l->type) {
    case docent_f32: return pack_outputs_typed(l, docent_f32, output, panel);
    case docent_f16: return pack_outputs_typed(l, docent_f16, output, panel);
    case docent_bf16: return pack_outputs_typed(l, docent_bf16, output, panel);
    case docent_q8:
    case docent_q4: return;  // `multiply_rows` serves any number of rows.
    }
}

static void multiply_tiles(
    const docent_linear *l, const float *packed, int64_t first_row, int64_t last_row, int64_t output,
    float *scratch) {
    int64_t outputs = l->outputs - output < tile_outputs ? l->outputs - output : tile_outputs;
    pack_outputs(l, output, scratch);
    for (int64_t row = first_row; row < last_row; row += tile_rows) {
        vector total[tile_rows * TILE_VECTORS];
        for (int i = 0; i < tile_rows * TILE_VECTORS; i++) total[i] = (vector){};
        multiply_tile(packed + row * l->inputs, scratch, l->inputs, total);
        float sums[tile_rows * tile_outputs];
        memcpy(sums, total, sizeof sums);
        int64_t rows = last_row - row < tile_rows ? last_row - row : tile_rows;
        // A constant number of outputs makes shorter loops.
        if (outputs == tile_outputs) finish(l, sums, tile_outputs, row, rows, output, tile_outputs);
        else finish(l, sums, tile_outputs, row, rows, output, outputs);
    }
}

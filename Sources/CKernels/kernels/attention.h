// Softmax attention without the score matrix: keys in blocks, with a running maximum and sum for each query
// (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135).

enum { key_block = 128 };

INLINE int64_t token_offset(const docent_attention *a, int64_t token) {
    if (!a->pages) return token * a->token_stride;
    int64_t page = token / a->page_size;
    return a->pages[page] * a->page_stride + (token - page * a->page_size) * a->token_stride;
}

INLINE int64_t rounded_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

// MARK: Many rows

typedef struct {
    float *queries;   // tiles of [head_size, tile_rows]
    float *totals;    // tiles of [tile_rows, values_width]
    float *maxima;    // one a query
    float *sums;      // one a query
    float *keys;      // panels of [head_size, tile_outputs]
    float *values;    // panels of [key_block, tile_outputs]
    float *scores;    // [tile_rows, key_block]
    float *weights;   // [key_block, tile_rows]
    int64_t queries_count, values_width;
} attention_scratch;

static attention_scratch lay_out(float *base, int64_t rows, int64_t group, int64_t head_size, int64_t *total) {
    int64_t queries = rounded_up(rows * group, tile_rows), width = rounded_up(head_size, tile_outputs), at = 0;
    attention_scratch s = {.queries_count = queries, .values_width = width};
    struct { float **part; int64_t count; } parts_of[] = {
        {&s.queries, queries * head_size}, {&s.totals, queries * width},   {&s.maxima, queries},
        {&s.sums, queries},                {&s.keys, head_size * key_block}, {&s.values, width * key_block},
        {&s.scores, tile_rows * key_block}, {&s.weights, tile_rows * key_block},
    };
    for (int i = 0; i < 8; i++) {
        *parts_of[i].part = base ? base + at : NULL;
        at += rounded_up(parts_of[i].count, 16);
    }
    *total = at;
    return s;
}

static int64_t attend_scratch(int64_t rows, int64_t group, int64_t head_size) {
    int64_t total;
    lay_out(NULL, rows, group, head_size, &total);
    return total;
}

static void pack_queries(const docent_attention *a, attention_scratch s) {
    for (int64_t tile = 0; tile < s.queries_count; tile += tile_rows) {
        float *to = s.queries + tile * a->head_size;
        for (int64_t i = 0; i < tile_rows; i++) {
            int64_t query = tile + i, row = query / a->group;
            const float *from = a->queries + row * a->query_stride + query % a->group * a->head_size;
            bool exists = row < a->rows;
            for (int64_t d = 0; d < a->head_size; d++) to[d * tile_rows + i] = exists ? from[d] * a->scale : 0;
        }
    }
}

/// Keys as columns, values as rows of panels; tokens from `count` on are zero.
static void pack_block(const docent_attention *a, int64_t first, int64_t count, attention_scratch s) {
    int64_t size = a->head_size;
    for (int64_t t = 0; t < rounded_up(count, tile_outputs); t += LANES) {
        const float *from[LANES];
        for (int64_t j = 0; j < LANES; j++)
            from[j] = t + j < count ? a->keys + token_offset(a, first + t + j) : NULL;
        float *panel = s.keys + t / tile_outputs * tile_outputs * size + t % tile_outputs;
        int64_t d = 0;
        for (; d + LANES <= size; d += LANES) {
            vector rows[LANES];
            for (int j = 0; j < LANES; j++) rows[j] = from[j] ? load(from[j] + d) : (vector){};
            store_transposed(rows, panel + d * tile_outputs, tile_outputs);
        }
        for (; d < size; d++)
            for (int j = 0; j < LANES; j++) panel[d * tile_outputs + j] = from[j] ? from[j][d] : 0;
    }
    for (int64_t t = 0; t < count; t++) {
        const float *from = a->values + token_offset(a, first + t);
        for (int64_t d = 0; d < s.values_width; d += LANES) {
            float *to = s.values + d / tile_outputs * tile_outputs * key_block + t * tile_outputs + d % tile_outputs;
            int64_t left = size - d;
            store(to, left >= LANES ? load(from + d) : left > 0 ? load_some(from + d, left) : (vector){});
        }
    }
}

/// Turns the scores of one query into weights against its running maximum; returns the factor for earlier totals.
INLINE float soften(float *scores, int64_t visible, int64_t count, float *maximum, float *total) {
    int64_t whole = visible - visible % LANES;
    vector top = splat(*maximum);
    for (int64_t t = 0; t < whole; t += LANES) top = larger(top, load(scores + t));
    float highest = largest(top);
    for (int64_t t = whole; t < visible; t++) highest = scores[t] > highest ? scores[t] : highest;
    vector added = {};
    for (int64_t t = 0; t < whole; t += LANES) {
        vector weight = exponential(load(scores + t) - highest);
        store(scores + t, weight);
        added += weight;
    }
    if (whole < visible) {
        vector weight = exponential(load_some(scores + whole, visible - whole) - highest);
        store_some(scores + whole, weight, visible - whole);
        added += load_some(scores + whole, visible - whole);
    }
    for (int64_t t = visible; t < count; t++) scores[t] = 0;
    vector past = exponential(splat(*maximum - highest));
    float factor = past[0];
    *maximum = highest;
    *total = *total * factor + sum(added);
    return factor;
}

/// Tokens of row `row` in a block of `count` that starts at token `first`: those from `*from` up to the result; none where the
/// result is 0.
INLINE int64_t seen_by(const docent_attention *a, int64_t row, int64_t first, int64_t count, int64_t *from) {
    *from = 0;
    if (row >= a->rows) return 0;
    int64_t seen = a->ends ? a->ends[row] - first : a->causal ? a->tokens - (a->rows - 1 - row) - first : count;
    int64_t visible = seen < 0 ? 0 : seen < count ? seen : count;
    if (a->starts && a->starts[row] > first) *from = a->starts[row] - first;
    return *from < visible ? visible : 0;
}

/// Whether any row of a tile sees a token of the block.
INLINE bool tile_sees(const docent_attention *a, int64_t tile, int64_t first, int64_t count) {
    int64_t last_row = (tile + tile_rows - 1) / a->group, from;
    if (!a->ends) return !a->causal || a->tokens - (a->rows - 1 - last_row) > first;
    for (int64_t row = tile / a->group; row <= last_row; row++)
        if (seen_by(a, row, first, count, &from) > 0) return true;
    return false;
}

/// Where the first block begins: a multiple of blocks, so that no bit of a row depends on the rows beside it.
INLINE int64_t first_block(const docent_attention *a) {
    if (!a->starts) return 0;
    int64_t first = a->starts[0];
    for (int64_t row = 1; row < a->rows; row++) first = a->starts[row] < first ? a->starts[row] : first;
    return first - first % key_block;
}

/// One tile of queries against one packed block of `count` keys that starts at token `first`.
static void attend_tile(
    const docent_attention *a, int64_t tile, int64_t first, int64_t count, attention_scratch s) {
    for (int64_t t = 0; t < count; t += tile_outputs) {
        vector scores[tile_rows * TILE_VECTORS];
        for (int i = 0; i < tile_rows * TILE_VECTORS; i++) scores[i] = (vector){};
        multiply_tile(s.queries + tile * a->head_size, s.keys + t * a->head_size, a->head_size, scores);
        for (int r = 0; r < tile_rows; r++)
            memcpy(s.scores + r * key_block + t, scores + r * TILE_VECTORS, tile_outputs * 4);
    }
    float factors[tile_rows];
    for (int64_t i = 0; i < tile_rows; i++) {
        int64_t query = tile + i, from;
        int64_t visible = seen_by(a, query / a->group, first, count, &from);
        float *scores = s.scores + i * key_block;
        factors[i] = 1;
        for (int64_t t = 0; t < from && t < visible; t++) scores[t] = -INFINITY;
        if (visible > 0) factors[i] = soften(scores, visible, count, s.maxima + query, s.sums + query);
        else memset(scores, 0, (size_t)count * 4);
    }
    for (int64_t i = 0; i < tile_rows; i++)
        for (int64_t t = 0; t < count; t++) s.weights[t * tile_rows + i] = s.scores[i * key_block + t];
    for (int64_t d = 0; d < s.values_width; d += tile_outputs) {
        float *totals = s.totals + tile * s.values_width + d * tile_rows;
        vector sums[tile_rows * TILE_VECTORS];
        for (int r = 0; r < tile_rows; r++)
            for (int v = 0; v < TILE_VECTORS; v++)
                sums[r * TILE_VECTORS + v] = load(totals + r * tile_outputs + v * LANES) * factors[r];
        multiply_tile(s.weights, s.values + d * key_block, count, sums);
        memcpy(totals, sums, sizeof sums);
    }
}

static void attend(const docent_attention *a, float *scratch) {
    int64_t total;
    attention_scratch s = lay_out(scratch, a->rows, a->group, a->head_size, &total);
    pack_queries(a, s);
    memset(s.totals, 0, (size_t)(s.queries_count * s.values_width) * 4);
    memset(s.sums, 0, (size_t)s.queries_count * 4);
    for (int64_t i = 0; i < s.queries_count; i++) s.maxima[i] = -INFINITY;
    for (int64_t first = first_block(a); first < a->tokens; first += key_block) {
        int64_t count = a->tokens - first < key_block ? a->tokens - first : key_block;
        pack_block(a, first, count, s);
        for (int64_t tile = 0; tile < s.queries_count; tile += tile_rows) {
            if (tile_sees(a, tile, first, count)) attend_tile(a, tile, first, count, s);
        }
    }
    for (int64_t query = 0; query < a->rows * a->group; query++) {
        const float *from = s.totals + query / tile_rows * tile_rows * s.values_width + query % tile_rows * tile_outputs;
        float *to = a->output + query / a->group * a->output_stride + query % a->group * a->head_size;
        float inverse = 1.0f / s.sums[query];
        for (int64_t d = 0; d < a->head_size; d++)
            to[d] = from[d / tile_outputs * tile_outputs * tile_rows + d % tile_outputs] * inverse;
    }
}

// MARK: One row

/// Tokens whose keys and values stay in the first-level cache while the group's queries take turns on them.
enum { token_run = 32 };

/// Sums of LANES vectors as one vector: `rows[i]` ends in lane i.
INLINE vector sums_of(const vector rows[LANES]) {
    // Interleaving halves log2(LANES) times brings row i to the lane whose bits are those of i reversed.
    vector left[LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i++) {
        int from = 0;
        for (int bit = 1; bit < LANES; bit *= 2) from = from * 2 + (i & bit ? 1 : 0);
        left[i] = rows[from];
    }
#pragma clang loop unroll(full)
    for (int count = LANES; count > 1; count /= 2)
#pragma clang loop unroll(full)
        for (int i = 0; i < count / 2; i++)
            left[i] = INTERLEAVE_LOW(left[2 * i], left[2 * i + 1]) + INTERLEAVE_HIGH(left[2 * i], left[2 * i + 1]);
    return left[0];
}

/// Scores of `count` tokens for one query: LANES tokens side by side, the last of them repeated where there are fewer.
INLINE void score(
    const docent_attention *a, const float *query, const int64_t *offsets, int64_t count, float scores[token_run]) {
    int64_t size = a->head_size, whole = size - size % LANES;
    for (int64_t t = 0; t < count; t += LANES) {
        const float *keys[LANES];
        vector totals[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) {
            keys[i] = a->keys + offsets[t + i < count ? t + i : count - 1];
            totals[i] = (vector){};
        }
        for (int64_t d = 0; d < whole; d += LANES) {
            vector q = load(query + d);
#pragma clang loop unroll(full)
            for (int i = 0; i < LANES; i++) totals[i] += q * load(keys[i] + d);
        }
        if (whole < size) {
            vector q = load_some(query + whole, size - whole);
            for (int i = 0; i < LANES; i++) totals[i] += q * load_some(keys[i] + whole, size - whole);
        }
        store(scores + t, sums_of(totals) * a->scale);
    }
}

/// Multiplies `total` [head_size] by `factor` and adds the weighted values of `count` tokens.
INLINE void gather_values(
    const docent_attention *a, const float *weights, const int64_t *offsets, int64_t count, float factor,
    float *total) {
    // Enough sums at once to keep the multiply-adds' latency hidden.
    enum { width = 8 };
    int64_t size = a->head_size, d = 0;
    for (; d + width * LANES <= size; d += width * LANES) {
        vector sums[width];
#pragma clang loop unroll(full)
        for (int i = 0; i < width; i++) sums[i] = load(total + d + i * LANES) * factor;
        for (int64_t t = 0; t < count; t++) {
            const float *value = a->values + offsets[t] + d;
#pragma clang loop unroll(full)
            for (int i = 0; i < width; i++) sums[i] += load(value + i * LANES) * weights[t];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < width; i++) store(total + d + i * LANES, sums[i]);
    }
    for (; d < size; d += LANES) {
        int64_t left = size - d < LANES ? size - d : LANES;
        vector sums = load_some(total + d, left) * factor;
        for (int64_t t = 0; t < count; t++) sums += load_some(a->values + offsets[t] + d, left) * weights[t];
        store_some(total + d, sums, left);
    }
}

static void attend_part(const docent_attention *a, int64_t first, int64_t last, float *partial) {
    int64_t stride = a->head_size + 2;
    for (int64_t g = 0; g < a->group; g++) {
        float *to = partial + g * stride;
        memset(to, 0, (size_t)a->head_size * 4);
        to[a->head_size] = -INFINITY;
        to[a->head_size + 1] = 0;
    }
    for (int64_t token = first; token < last; token += token_run) {
        int64_t offsets[token_run], count = last - token < token_run ? last - token : token_run;
        for (int64_t t = 0; t < count; t++) offsets[t] = token_offset(a, token + t);
        for (int64_t g = 0; g < a->group; g++) {
            float scores[token_run], *to = partial + g * stride;
            score(a, a->queries + g * a->head_size, offsets, count, scores);
            float factor = soften(scores, count, count, to + a->head_size, to + a->head_size + 1);
            gather_values(a, scores, offsets, count, factor, to);
        }
    }
}

static void join_parts(const float *partials, int64_t parts, int64_t group, int64_t head_size, float *output) {
    int64_t stride = head_size + 2;
    for (int64_t g = 0; g < group; g++, output += head_size) {
        float highest = -INFINITY, total = 0;
        for (int64_t p = 0; p < parts; p++) {
            float top = partials[(p * group + g) * stride + head_size];
            highest = top > highest ? top : highest;
        }
        memset(output, 0, (size_t)head_size * 4);
        for (int64_t p = 0; p < parts; p++) {
            const float *from = partials + (p * group + g) * stride;
            vector factors = exponential(splat(from[head_size] - highest));
            float factor = factors[0];
            total += from[head_size + 1] * factor;
            for (int64_t d = 0; d < head_size; d++) output[d] += from[d] * factor;
        }
        float inverse = 1.0f / total;
        for (int64_t d = 0; d < head_size; d++) output[d] *= inverse;
    }
}

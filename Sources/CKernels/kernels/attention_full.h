// Attention without a mask (vision towers): queries lie side by side in vectors, tokens follow one another.
//
// Scores, their maxima, weights and weighted sums then stand in the lanes of their query all the way: no sums across
// lanes, no transposing between the two products. Keys and values come one number at a time, the keys straight from
// their rows. A lane knows nothing of its neighbours, so a query's result does not depend on its company.
// Softmax in blocks of tokens as in attention.h, with powers of two: the scale takes in the logarithm.

/// Vectors of queries in a tile, and tokens or dimensions beside them: sums leave the registers for one step.
enum { side_vectors = 3, side_queries = side_vectors * LANES, side_rows = REGISTERS / 4 };
/// Tokens whose weights for one tile stay in the first-level cache.
enum { side_block = 128 };

typedef struct {
    float *queries;  // tiles of [head_size, side_queries]
    float *totals;   // tiles of [dimensions, side_queries]
    float *maxima;   // tiles of [side_queries]
    float *sums;     // likewise
    float *keys;     // [side_block, head_size]
    float *values;   // panels of [side_block, side_rows]
    float *weights;  // [side_block, side_queries]
    int64_t tiles, dimensions;
} full_scratch;

static full_scratch lay_out_full(float *base, int64_t rows, int64_t head_size, int64_t *total) {
    int64_t tiles = (rows + side_queries - 1) / side_queries, queries = tiles * side_queries;
    full_scratch s = {.tiles = tiles, .dimensions = rounded_up(head_size, side_rows)};
    struct { float **part; int64_t count; } parts_of[] = {
        {&s.queries, queries * head_size},         {&s.totals, queries * s.dimensions}, {&s.maxima, queries},
        {&s.sums, queries},                        {&s.keys, side_block * head_size},
        {&s.values, side_block * s.dimensions},    {&s.weights, side_block * side_queries},
    };
    int64_t at = 0;
    for (int i = 0; i < 7; i++) {
        *parts_of[i].part = base ? base + at : NULL;
        at += rounded_up(parts_of[i].count, 16);
    }
    *total = at;
    return s;
}

static int64_t attend_full_scratch(int64_t rows, int64_t head_size) {
    int64_t total;
    lay_out_full(NULL, rows, head_size, &total);
    return total;
}

/// Adds `a` [side_rows, depth], whose elements lie `row` and `step` apart, x `b` [depth, side_queries] to `sums`.
INLINE void multiply_side(
    const float *a, int64_t row, int64_t step, const float *b, int64_t depth, vector sums[side_rows * side_vectors]) {
    for (int64_t k = 0; k < depth; k++, a += step, b += side_queries) {
        vector right[side_vectors];
#pragma clang loop unroll(full)
        for (int v = 0; v < side_vectors; v++) right[v] = load(b + v * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < side_rows; r++) {
            // Two of them at once would be one register too many.
            KEEP_LOADS_HERE;
            vector left = splat(a[r * row]);
#pragma clang loop unroll(full)
            for (int v = 0; v < side_vectors; v++) sums[r * side_vectors + v] += left * right[v];
        }
    }
}

static void pack_full_queries(const docent_attention *a, full_scratch s) {
    float scale = a->scale * 1.44269504f;  // log2 e
    for (int64_t query = 0; query < s.tiles * side_queries; query++) {
        float *to = s.queries + query / side_queries * side_queries * a->head_size + query % side_queries;
        const float *from = a->queries + query * a->query_stride;
        for (int64_t d = 0; d < a->head_size; d++) to[d * side_queries] = query < a->rows ? from[d] * scale : 0;
    }
}

/// Keys and values of tokens `first ..< first + count`; keys up to whole `side_rows` are zero.
static void pack_full_block(const docent_attention *a, int64_t first, int64_t count, full_scratch s) {
    int64_t size = a->head_size;
    for (int64_t t = 0; t < count; t++) {
        memcpy(s.keys + t * size, a->keys + (first + t) * a->token_stride, (size_t)size * 4);
        const float *from = a->values + (first + t) * a->token_stride;
        int64_t d = 0;
        for (; d + side_rows <= size; d += side_rows)
            memcpy(s.values + d * side_block + t * side_rows, from + d, side_rows * 4);
        for (; d < s.dimensions; d++)
            s.values[d / side_rows * side_rows * side_block + t * side_rows + d % side_rows] = d < size ? from[d] : 0;
    }
    int64_t whole = rounded_up(count, side_rows);
    memset(s.keys + count * size, 0, (size_t)((whole - count) * size) * 4);
}

/// One tile of queries against one packed block of `count` tokens.
static void attend_full_tile(int64_t head_size, int64_t tile, int64_t count, full_scratch s) {
    vector highest[side_vectors], factors[side_vectors], added[side_vectors];
    float *maxima = s.maxima + tile * side_queries, *sums = s.sums + tile * side_queries;
    for (int v = 0; v < side_vectors; v++) highest[v] = load(maxima + v * LANES);
    for (int64_t t = 0; t < count; t += side_rows) {
        vector scores[side_rows * side_vectors];
        for (int i = 0; i < side_rows * side_vectors; i++) scores[i] = (vector){};
        multiply_side(
            s.keys + t * head_size, head_size, 1, s.queries + tile * side_queries * head_size, head_size, scores);
        for (int r = 0; r < side_rows; r++)
            for (int v = 0; v < side_vectors; v++) {
                store(s.weights + (t + r) * side_queries + v * LANES, scores[r * side_vectors + v]);
                if (t + r < count) highest[v] = larger(highest[v], scores[r * side_vectors + v]);
            }
    }
    for (int v = 0; v < side_vectors; v++) {
        factors[v] = power_of_two(load(maxima + v * LANES) - highest[v]);
        store(maxima + v * LANES, highest[v]);
        added[v] = (vector){};
    }
    for (int64_t t = 0; t < count; t++)
#pragma clang loop unroll(full)
        for (int v = 0; v < side_vectors; v++) {
            float *at = s.weights + t * side_queries + v * LANES;
            vector weight = power_of_two(load(at) - highest[v]);
            store(at, weight);
            added[v] += weight;
        }
    for (int v = 0; v < side_vectors; v++)
        store(sums + v * LANES, load(sums + v * LANES) * factors[v] + added[v]);
    for (int64_t d = 0; d < s.dimensions; d += side_rows) {
        float *totals = s.totals + (tile * s.dimensions + d) * side_queries;
        vector products[side_rows * side_vectors];
        for (int i = 0; i < side_rows * side_vectors; i++)
            products[i] = load(totals + i * LANES) * factors[i % side_vectors];
        multiply_side(s.values + d * side_block, 1, side_rows, s.weights, count, products);
        for (int i = 0; i < side_rows * side_vectors; i++) store(totals + i * LANES, products[i]);
    }
}

/// Totals over sums, query by query.
static void finish_full(const docent_attention *a, full_scratch s) {
    for (int64_t query = 0; query < a->rows; query += LANES) {
        int64_t tile = query / side_queries, lane = query % side_queries, count = a->rows - query;
        vector inverse = 1.0f / load(s.sums + query);
        for (int64_t d = 0; d < a->head_size; d += LANES) {
            vector rows[LANES];
            float square[LANES * LANES];
            for (int64_t i = 0; i < LANES; i++)
                rows[i] = d + i < a->head_size
                    ? load(s.totals + (tile * s.dimensions + d + i) * side_queries + lane) * inverse : (vector){};
            store_transposed(rows, square, LANES);
            int64_t width = a->head_size - d < LANES ? a->head_size - d : LANES;
            for (int64_t i = 0; i < LANES && i < count; i++)
                memcpy(a->output + (query + i) * a->output_stride + d, square + i * LANES, (size_t)width * 4);
        }
    }
}

static void attend_full(const docent_attention *a, float *scratch) {
    int64_t total;
    full_scratch s = lay_out_full(scratch, a->rows, a->head_size, &total);
    pack_full_queries(a, s);
    memset(s.totals, 0, (size_t)(s.tiles * side_queries * s.dimensions) * 4);
    memset(s.sums, 0, (size_t)(s.tiles * side_queries) * 4);
    for (int64_t i = 0; i < s.tiles * side_queries; i++) s.maxima[i] = -INFINITY;
    for (int64_t first = 0; first < a->tokens; first += side_block) {
        int64_t count = a->tokens - first < side_block ? a->tokens - first : side_block;
        pack_full_block(a, first, count, s);
        for (int64_t tile = 0; tile < s.tiles; tile++) attend_full_tile(a->head_size, tile, count, s);
    }
    finish_full(a, s);
}

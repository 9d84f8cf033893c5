// What each kernel takes: one struct by value. Read by Swift, by NVRTC and by the emulation of the tests, so that all three lay
// it out alike: natural alignment, no pointer types, nothing included.
#ifndef CCUDA_KERNEL_ARGUMENTS_H
#define CCUDA_KERNEL_ARGUMENTS_H

typedef unsigned long long kernel_address;  // of device memory

enum { KERNEL_F32 = 0, KERNEL_F16 = 1, KERNEL_BF16 = 2 };
enum { KERNEL_PLAIN = 0, KERNEL_GELU_TANH = 1, KERNEL_GELU = 2, KERNEL_SILU = 3, KERNEL_QUICK_GELU = 4 };

// Rows of queries that one block attends, and tokens that one run of a decoding row covers.
enum { KERNEL_QUERY_TILE = 32, KERNEL_RUN_TOKENS = 256 };
// Rows and outputs of one block of a product of many rows.
enum { KERNEL_PRODUCT_TILE = 64 };

// MARK: Moving rows

// output[r] = table[ids[r]], widened to f32.
typedef struct embed_rows_arguments {
    kernel_address ids, table, output;
    int rows, width, tableType;
} embed_rows_arguments;

// output[r] = input[indices[r]].
typedef struct gather_rows_arguments {
    kernel_address indices, input, output;
    int rows, width;
} gather_rows_arguments;

// target[indices[r]] = source[r], or += where `adds`.
typedef struct scatter_rows_arguments {
    kernel_address indices, source, target;
    int rows, width, adds;
} scatter_rows_arguments;

// target[r] += table[r mod tableRows].
typedef struct add_rows_arguments {
    kernel_address table, target;
    int rows, width, tableRows, tableType;
} add_rows_arguments;

typedef struct scale_values_arguments {
    kernel_address target;
    unsigned long long count;
    float factor;
} scale_values_arguments;

// output[i] = input[i], from f32 to bf16.
typedef struct round_values_arguments {
    kernel_address input, output;
    unsigned long long count;
} round_values_arguments;

// MARK: Rows by themselves

// `outputType`: KERNEL_F32 or KERNEL_BF16; `bias` is read by layer_norm only.
typedef struct norm_rows_arguments {
    kernel_address input, weight, bias, output;
    int rows, width, outputType;
    float epsilon;
} norm_rows_arguments;

// In place: of every row of `stride` values the `heads` × `headSize` from `firstColumn` on.
typedef struct norm_heads_arguments {
    kernel_address rowsAddress, weight;
    int rows, stride, firstColumn, heads, headSize;
    float epsilon;
} norm_heads_arguments;

typedef struct rotate_heads_arguments {
    kernel_address rowsAddress, cosines, sines;
    int rows, stride, firstColumn, heads, headSize;
} rotate_heads_arguments;

// output[r][i] = activation(input[r][i]) · input[r][width + i].
typedef struct gate_rows_arguments {
    kernel_address input, output;
    int rows, width, outputType, activation;
} gate_rows_arguments;

// target = activation(target), in place.
typedef struct activate_values_arguments {
    kernel_address target;
    unsigned long long count;
    int activation;
} activate_values_arguments;

// MARK: Matrices

// output[r][o] = Σ input[r][i] · weight[o][i] + bias[o], or += where `adds`. f32 results; `bias`: f32 or 0.
typedef struct multiply_arguments {
    kernel_address input, weight, bias, output;
    int rows, inputs, outputs, adds;
} multiply_arguments;

// MARK: Attention

// Tile t: queries tiles[4t] ..< + tiles[4t + 1], which see rows tiles[4t + 2] ..< tiles[4t + 3] of [rows, 3 × heads × headSize].
typedef struct attend_segments_arguments {
    kernel_address rowsAddress, tiles, output;
    int firstQuery, heads, headSize;
    float scale;
} attend_segments_arguments;

// Where the rows of a step belong. For row r: its token's place in its sequence, and where the sequence's pages start in `pages`.
typedef struct step_places {
    kernel_address positions, firstPages, pages, starts, ends;
} step_places;

// [pages, kvHeads, pageSize, headSize] in bf16, or f32 where `cacheType` says so.
typedef struct cache_places {
    kernel_address keys, values;
    int kvHeads, headSize, pageSize, cacheType;
} cache_places;

typedef struct store_step_arguments {
    step_places step;
    cache_places cache;
    kernel_address rowsAddress, cosines, sines, queries;  // cosines: 0 where nothing turns
    int rows, heads;
} store_step_arguments;

// Tile t: rows tiles[2t] ..< + tiles[2t + 1], of one sequence.
typedef struct attend_pages_arguments {
    step_places step;
    cache_places cache;
    kernel_address queries, tiles, output;
    int heads;
    float scale;
} attend_pages_arguments;

// Rows listed in `singles`, each alone in its sequence, in runs of KERNEL_RUN_TOKENS of the context; a partial is, for each query
// head, its greatest score, the sum of its exponentials and its weighted sum of values: headSize + 2 floats.
typedef struct attend_runs_arguments {
    step_places step;
    cache_places cache;
    kernel_address queries, singles, partials, output;
    int heads, singleCount, runs;
    float scale;
} attend_runs_arguments;

// MARK: Pictures

typedef struct cut_patches_arguments {
    kernel_address frames, output;
    unsigned long long count;  // of values
    int channels, height, width, size;
} cut_patches_arguments;

typedef struct fold_pixels_arguments {
    kernel_address input, output;
    unsigned long long count;
    int grid, factor, width;
} fold_pixels_arguments;

#endif

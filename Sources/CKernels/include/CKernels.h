// The loops of the CPU backend in plain C, compiled once for each instruction set and chosen at run time.
//
// No intrinsics here: this header is parsed into a Swift module. All matrices are dense and row-major unless a stride
// is given; all strides and lengths count elements, not bytes.
#ifndef DOCENT_CKERNELS_H
#define DOCENT_CKERNELS_H

#include <stdbool.h>
#include <stdint.h>

// MARK: Threads

/// `threads - 1` workers that, together with the caller, run the numbered parts of one job at a time.
typedef struct docent_pool docent_pool;

/// One part of a job: `context` is the job's, `part` its number, `thread` who runs it (0 is the caller).
typedef void (*docent_part)(void *context, int64_t part, int32_t thread);

/// NULL when the system refuses a thread.
docent_pool *docent_pool_create(int32_t threads);
void docent_pool_destroy(docent_pool *pool);
/// Runs parts 0 ..< parts, each once, and returns when the last has ended.
void docent_pool_run(docent_pool *pool, int64_t parts, docent_part part, void *context);

/// Processors that this process may run on.
int32_t docent_processors(void);

/// `bytes` aligned for vectors, in large pages where the system has them and the size deserves them; NULL when out of
/// memory. Freed with `free`.
void *docent_allocate(int64_t bytes);

/// Reads whole lines of 64 bytes in order and returns their sum: what the memory gives is what this takes.
uint64_t docent_read(const void *address, int64_t bytes);

// MARK: Instruction sets

typedef enum { docent_portable = 0, docent_avx2 = 1, docent_avx512 = 2 } docent_instructions;

/// Whether this machine and this build have `instructions`.
bool docent_has(docent_instructions instructions);

// MARK: Arguments

typedef enum { docent_f32 = 0, docent_f16 = 1, docent_bf16 = 2, docent_q8 = 3, docent_q4 = 4 } docent_type;

typedef enum {
    docent_identity = 0,
    docent_gelu_tanh = 1,
    docent_gelu = 2,
    docent_silu = 3,
    docent_quick_gelu = 4
} docent_activation;

/// The quantised layouts. A panel holds 16 outputs (missing ones are zero) as one stream: for each block of 32 inputs 16
/// bf16 scales, then the steps in groups of 64 bytes.
///
/// q8: eight groups, group g holding inputs 4g ..< 4g + 4 of output 0, then of output 1 and so on.
/// q4: four groups; group g holds q8's group 2g in the low and 2g + 1 in the high halves of its bytes, 8 added.
enum { docent_block = 32, docent_panel_outputs = 16, docent_panel_scales = 32, docent_group = 64 };

/// Activations as the kernels for weights of one quantised type read them: symmetric int8 in blocks of 32.
typedef struct {
    void *values;     // [rows, inputs] in the kernels' own order, at most two bytes each
    float *scales;    // [rows, inputs / 32]
    int32_t *starts;  // [rows, inputs / 32]: what a block's sum starts from, in the kernels' own form
} docent_quantized_rows;

typedef enum {
    docent_as_is = 0,
    docent_rms_normalized = 1,
    docent_silu_gated = 2,
    docent_gelu_tanh_gated = 3
} docent_form;

/// Rows [rows, inputs] that a linear layer reads, as they are or computed while they are quantised.
typedef struct {
    const float *values;  // [rows, inputs]; gated: [rows, 2 x inputs], of each row the gates first
    docent_form form;
    const float *weight;  // normalised: [inputs]
    float epsilon;        // normalised
    int64_t inputs;
} docent_rows;

/// `output = activation(input x weight^T + bias)`, or `output += input x weight^T + bias` when `accumulate`.
typedef struct {
    const float *input;               // [rows, inputs]
    docent_quantized_rows quantized;  // of `input`, for q8 and q4 weights
    const void *weight;               // [outputs, inputs] of `type`
    const float *bias;                // [outputs] or NULL
    float *output;                    // [rows, outputs]
    int64_t rows, inputs, outputs;
    docent_type type;
    docent_activation activation;
    bool accumulate;
} docent_linear;

/// Attention of `rows` consecutive tokens, `group` query heads each, over the keys and values of one head.
///
/// Token t's key lies at `keys + pages[t / page_size] * page_stride + t % page_size * token_stride` (page 0 when
/// `pages` is NULL), its value likewise.
typedef struct {
    const float *queries;  // query g of row r at queries + r * query_stride + g * head_size
    float *output;         // same order, rows output_stride apart
    const float *keys, *values;
    const int32_t *pages;
    int64_t rows, group, head_size;
    int64_t query_stride, output_stride;
    int64_t page_size, page_stride, token_stride;
    int64_t tokens;  // that the last row attends to
    bool causal;     // row r attends to tokens - (rows - 1 - r)
    // Where not NULL, row r attends to tokens starts[r] ..< ends[r] instead, at least one and none from `tokens` on.
    const int32_t *starts, *ends;
    float scale;     // applied to the scores
} docent_attention;

/// One axis of resampling: output i is the sum of inputs `starts[i] ..< starts[i] + counts[i]`, each times its weight
/// of those from `weights + i * stride` on, as an integer with `fraction_bits` bits of fraction, rounded and clamped to
/// 8 bits.
typedef struct {
    const uint8_t *source;
    uint8_t *target;
    int64_t source_stride, target_stride;  // bytes of a row, which holds nothing else
    const intptr_t *starts, *counts;       // [outputs]
    const int32_t *weights;                // [outputs, stride], unused ones zero
    int64_t stride, outputs;
    int32_t fraction_bits;
} docent_mix;

// MARK: Kernels

/// The loops for one instruction set.
typedef struct {
    const char *name;
    /// Rows that `multiply_rows` handles in one pass over the weights.
    int64_t row_limit;
    /// Rows and outputs of a tile of the matrix kernel.
    int64_t tile_rows, tile_outputs;

    // Linear layers
    /// Outputs `first ..< last` for up to `row_limit` rows (any number for q8 and q4); weights are read once.
    void (*multiply_rows)(const docent_linear *, int64_t first, int64_t last);
    /// Rows `first ..< last` of [rows, inputs] in the order that `multiply_tiles` reads; `first` is a tile's start.
    void (*pack_rows)(const float *input, int64_t rows, int64_t inputs, int64_t first, int64_t last, float *packed);
    /// Rows `first_row ..< last_row` of one panel of `tile_outputs` outputs that starts at `output`; not for q8 and q4.
    /// `scratch`: [inputs, tile_outputs].
    void (*multiply_tiles)(
        const docent_linear *, const float *packed, int64_t first_row, int64_t last_row, int64_t output,
        float *scratch);
    /// Rows `first ..< last` for weights of `type`; the same values as `rms_norm` or `multiply_gated` would give, rounded.
    void (*quantize_rows)(docent_type type, const docent_rows *, int64_t first, int64_t last, docent_quantized_rows);

    // Attention
    /// Floats of scratch that `attend` needs.
    int64_t (*attend_scratch)(int64_t rows, int64_t group, int64_t head_size);
    void (*attend)(const docent_attention *, float *scratch);
    /// One row over tokens `first ..< last` only: `partial` gets [group, head_size + 2]: the unscaled sum of values,
    /// the largest score and the sum of exponentials.
    void (*attend_part)(const docent_attention *, int64_t first, int64_t last, float *partial);
    /// Joins `parts` results of `attend_part`, [parts, group, head_size + 2], into output [group, head_size].
    void (*join_parts)(const float *partials, int64_t parts, int64_t group, int64_t head_size, float *output);
    /// Rotates `heads` consecutive vectors by one row of angles; pairs are (i, i + head_size / 2).
    void (*rotate)(
        const float *input, const float *cosines, const float *sines, int64_t heads, int64_t head_size, float *output);

    // Rows
    void (*rms_norm)(const float *input, const float *weight, float epsilon, int64_t rows, int64_t width, float *output);
    void (*layer_norm)(
        const float *input, const float *weight, const float *bias, float epsilon, int64_t rows, int64_t width,
        float *output);
    /// `form`: a gated one.
    void (*multiply_gated)(docent_form, const float *gate_up, int64_t rows, int64_t width, float *output);
    void (*add)(const float *source, int64_t count, float *target);
    void (*activate)(docent_activation, int64_t count, float *values);
    /// `count` elements of a plain type as f32.
    void (*widen)(docent_type, const void *source, int64_t count, float *target);
    void (*exponential)(const float *input, int64_t count, float *output);

    // q8 layers of many rows, where there is something faster than `multiply_rows` with the same results; else NULL and 0
    /// Rows of one call of `multiply_quantized_tiles` at most; of a tile.
    int64_t quantized_rows, quantized_tile_rows;
    /// What [rows, inputs] take packed, quantised.
    int64_t (*packed_bytes)(int64_t rows, int64_t inputs);
    /// Quantises and packs rows `first ..< last` of `rows`; `first` is a tile's start.
    void (*pack_quantized_rows)(const docent_rows *, int64_t rows, int64_t first, int64_t last, void *packed);
    /// Rows `first_row ..< last_row`, from a tile's start on, of outputs `first ..< last`, from a panel's start on.
    void (*multiply_quantized_tiles)(
        const docent_linear *, const void *packed, int64_t first_row, int64_t last_row, int64_t first, int64_t last);

    // Attention without pages, mask or group: all rows see all tokens
    /// Rows that are computed side by side.
    int64_t full_tile;
    /// Floats of scratch that `attend_full` needs.
    int64_t (*attend_full_scratch)(int64_t rows, int64_t head_size);
    void (*attend_full)(const docent_attention *, float *scratch);

    // Resampling
    /// Rows `first ..< last`, each along itself, in pixels of three bytes.
    void (*mix_pixels)(const docent_mix *, int64_t first, int64_t last);
    /// Output rows `first ..< last`, each a sum of whole input rows.
    void (*mix_lines)(const docent_mix *, int64_t first, int64_t last);
} docent_kernels;

/// The kernels of `instructions`, or NULL where they cannot run.
const docent_kernels *docent_kernels_for(docent_instructions instructions);

// MARK: Quantised weights

/// Bytes that [outputs, inputs] take as q8 or q4, whole panels.
int64_t docent_quantized_bytes(docent_type type, int64_t outputs, int64_t inputs);
/// Packs 16 outputs (fewer at the end) that start at `first`; `rows`: their f32 weights [outputs here, inputs].
void docent_quantize_panel(
    docent_type type, const float *rows, int64_t first, int64_t outputs, int64_t inputs, void *packed);
/// Output `index` of a quantised matrix as f32 [inputs].
void docent_quantized_row(docent_type type, const void *packed, int64_t index, int64_t inputs, float *row);

#endif

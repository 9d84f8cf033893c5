// All kernels of one instruction set; the including file names it in KERNELS and KERNELS_NAME.
#include "vector.h"

#include "functions.h"

#include "rows.h"

#include "multiply_rows.h"

#include "quantized_dot.h"

#include "multiply_rows_quantized.h"

#include "multiply_tiles_quantized.h"

#include "multiply_tiles.h"

#include "attention.h"

#include "attention_full.h"

#include "resample.h"

const docent_kernels KERNELS = {
    .name = KERNELS_NAME,
    .row_limit = row_limit,
    .tile_rows = tile_rows,
    .tile_outputs = tile_outputs,
    .multiply_rows = multiply_rows,
    .pack_rows = pack_rows,
    .multiply_tiles = multiply_tiles,
    .quantize_rows = quantize_rows,
    .attend_scratch = attend_scratch,
    .attend = attend,
    .attend_part = attend_part,
    .join_parts = join_parts,
    .rotate = rotate,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .multiply_gated = multiply_gated,
    .add = add,
    .activate = activate,
    .widen = widen,
    .exponential = exponentials,
    .mix_pixels = mix_pixels,
    .mix_lines = mix_lines,
    .full_tile = side_queries,
    .attend_full_scratch = attend_full_scratch,
    .attend_full = attend_full,
#if defined(HAS_AVX2) && !defined(HAS_VNNI)
    .quantized_rows = quantized_rows,
    .quantized_tile_rows = quantized_tile_rows,
    .packed_bytes = packed_bytes,
    .pack_quantized_rows = pack_quantized_rows,
    .multiply_quantized_tiles = multiply_quantized_tiles,
#endif
};

// The kernels on 256-bit vectors (Haswell and Zen onwards).
#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define LANES 8
#define REGISTERS 16
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define HAS_AVX2
#define HAS_F16C
#define KERNELS docent_avx2_kernels
#define KERNELS_NAME "AVX2"
#define from_f16(p) ((vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p))))
#include "kernels/table.h"

#pragma clang attribute pop
#endif

// The kernels on 512-bit vectors with VNNI (Ice Lake and Zen 4 onwards).
#ifdef __x86_64__
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define LANES 16
#define REGISTERS 32
#define TILE_ROWS 12
#define TILE_VECTORS 2
#define HAS_VNNI
#define HAS_F16C
#define KERNELS docent_avx512_kernels
#define KERNELS_NAME "AVX-512"
#define from_f16(p) ((vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p))))
#include "kernels/table.h"

#pragma clang attribute pop
#endif

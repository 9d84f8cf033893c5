// The kernels on 128-bit vectors: SSE2 on x86-64, NEON on arm64.
#define LANES 4
#ifdef __aarch64__
#define REGISTERS 32
#define TILE_ROWS 8
#else
#define REGISTERS 16
#define TILE_ROWS 4
#endif
#define TILE_VECTORS 2
#define KERNELS docent_portable_kernels
#define KERNELS_NAME "128-bit"
#include "kernels/table.h"

// Which kernels this machine can run.
#include <stddef.h>

#include "CKernels.h"

extern const docent_kernels docent_portable_kernels, docent_avx2_kernels, docent_avx512_kernels;

bool docent_has(docent_instructions instructions) {
    switch (instructions) {
    case docent_portable:
        return true;
#ifdef __x86_64__
    case docent_avx2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case docent_avx512:
        return docent_has(docent_avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
#endif
    default:
        return false;
    }
}

const docent_kernels *docent_kernels_for(docent_instructions instructions) {
    if (!docent_has(instructions)) return NULL;
    switch (instructions) {
#ifdef __x86_64__
    case docent_avx2: return &docent_avx2_kernels;
    case docent_avx512: return &docent_avx512_kernels;
#endif
    default: return &docent_portable_kernels;
    }
}

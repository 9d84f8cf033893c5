// Host memory for tensors.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "CKernels.h"

enum { vector_alignment = 64, large_page = 2 << 20 };

void *docent_allocate(int64_t bytes) {
    void *address = NULL;
    bool large = bytes >= 2 * large_page;
    if (posix_memalign(&address, large ? large_page : vector_alignment, (size_t)bytes)) return NULL;
#ifdef MADV_HUGEPAGE
    // Advice only: streaming 150 MB of weights through 4 KiB pages costs address translations.
    if (large) madvise(address, (size_t)bytes, MADV_HUGEPAGE);
#endif
    return address;
}

#define _GNU_SOURCE
#include "CCUDA.h"

#include <dlfcn.h>

const char *ccuda_file_of(const void *symbol) {
    Dl_info info;
    return dladdr(symbol, &info) != 0 ? info.dli_fname : NULL;
}

#include "VipsLibrary.h"

#include <dlfcn.h>
#include <stdio.h>

struct vips_library vips;

static char failure[300];

// The number is that of the ABI which the headers describe.
#ifdef __APPLE__
static const char file[] = "libvips.42.dylib";
#else
static const char file[] = "libvips.so.42";
#endif

bool vips_library_open(void) {
    // Never closed: GLib registers types for the life of the process.
    void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return false;
    }
    // A library's own symbols and those of what it needs (GLib's here) are found alike.
#define VIPS_LIBRARY_FIND(function, name)                                     \
    if (!(vips.name = (__typeof__(vips.name))dlsym(library, #function))) {    \
        snprintf(failure, sizeof failure, "%s lacks %s", file, #function);    \
        return false;                                                         \
    }
    VIPS_LIBRARY_CALLS(VIPS_LIBRARY_FIND)
#undef VIPS_LIBRARY_FIND
    const int abi = vips.version(3) - vips.version(5);
    if (abi != VIPS_LIBRARY_CURRENT - VIPS_LIBRARY_AGE) {
        snprintf(failure, sizeof failure, "%s has ABI %d", file, abi);
        return false;
    }
    return true;
}

const char *vips_library_failure(void) { return failure; }

// How the emulated driver runs a kernel.
#ifndef EMULATED_KERNELS_H
#define EMULATED_KERNELS_H

#include <stddef.h>

struct EmulatedKernel {
    const char *name;
    size_t argumentBytes;
    bool waits;
    void (*run)(const void *arguments);
};

const EmulatedKernel *emulated_kernel(const char *name);

// What went wrong; NULL when nothing did. One call at a time.
const char *emulated_run(
    const EmulatedKernel *kernel, const void *arguments, const unsigned grid[3], const unsigned block[3],
    unsigned sharedBytes);

// What another library does on the device: put in the stream's order, its arguments copied.
void emulated_enqueue(void *stream, void (*run)(const void *arguments), const void *arguments, size_t bytes);
bool emulated_is_device_memory(unsigned long long address, size_t bytes);
void emulated_fault(const char *text);
void *emulated_lt_symbol(const char *name);
void emulated_lt_reset(void);
int emulated_lt_handles(void);

#endif

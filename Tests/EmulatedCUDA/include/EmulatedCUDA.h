// A CUDA driver for tests that has no device: memory is the process's own between guard zones, work waits in its stream until
// somebody synchronises, and kernels are Docent's own sources, compiled as C++ and run one thread after another.
//
// What a real driver would do silently is an error here: work on memory that is not the device's, copies beyond an allocation,
// arguments of another size, memory freed twice or under pending work, shared memory that was not asked for, and what is left at
// the end.
#ifndef EMULATED_CUDA_H
#define EMULATED_CUDA_H

#ifdef __cplusplus
extern "C" {
#endif

// The address of a function of the driver or of cuBLASLt by its exported name; NULL when the emulation lacks it.
void *_Nullable emulated_cuda_symbol(const char *_Nonnull name);

// The first thing that was wrong since the last reset; NULL when nothing was.
const char *_Nullable emulated_cuda_fault(void);

// What is allocated and not freed: device memory, pinned memory, streams, events, modules and contexts.
int emulated_cuda_leaks(void);

// Products by cuBLASLt since the last reset.
int emulated_cuda_products(void);

// Launches since the last reset, of all kernels or of the one named.
int emulated_cuda_launches(const char *_Nullable kernel);

// Fails the nth allocation of device memory from now on with out-of-memory, the first being 1; 0: none.
void emulated_cuda_fail_allocation(int nth);

// Fails every call that touches the device from now on, as after an illegal address.
void emulated_cuda_lose_device(void);

// Forgets faults and counts, and finds the device again.
void emulated_cuda_reset(void);

#ifdef __cplusplus
}
#endif
#endif

// The driver API (libcuda.so.1), by the names that the library exports. Every function answers a CUresult, 0 for success.
#ifndef CCUDA_DRIVER_H
#define CCUDA_DRIVER_H

#include "cuda_layouts.h"

#define CCUDA_DRIVER(F) \
    F(int32_t, cuInit, (uint32_t flags)) \
    F(int32_t, cuDriverGetVersion, (int32_t *_Nonnull version)) \
    F(int32_t, cuGetErrorName, (int32_t error, const char *_Nullable *_Nonnull name)) \
    F(int32_t, cuGetErrorString, (int32_t error, const char *_Nullable *_Nonnull text)) \
    F(int32_t, cuDeviceGetCount, (int32_t *_Nonnull count)) \
    F(int32_t, cuDeviceGet, (int32_t *_Nonnull device, int32_t ordinal)) \
    F(int32_t, cuDeviceGetName, (char *_Nonnull name, int32_t length, int32_t device)) \
    F(int32_t, cuDeviceGetAttribute, (int32_t *_Nonnull value, int32_t attribute, int32_t device)) \
    F(int32_t, cuDeviceGetUuid_v2, (ccuda_uuid *_Nonnull uuid, int32_t device)) \
    F(int32_t, cuDeviceTotalMem_v2, (size_t *_Nonnull bytes, int32_t device)) \
    F(int32_t, cuDevicePrimaryCtxRetain, (void *_Nullable *_Nonnull context, int32_t device)) \
    F(int32_t, cuDevicePrimaryCtxRelease_v2, (int32_t device)) \
    F(int32_t, cuCtxSetCurrent, (void *_Nullable context)) \
    F(int32_t, cuMemGetInfo_v2, (size_t *_Nonnull free, size_t *_Nonnull total)) \
    F(int32_t, cuMemAlloc_v2, (ccuda_address *_Nonnull address, size_t bytes)) \
    F(int32_t, cuMemFree_v2, (ccuda_address address)) \
    F(int32_t, cuMemHostAlloc, (void *_Nullable *_Nonnull address, size_t bytes, uint32_t flags)) \
    F(int32_t, cuMemFreeHost, (void *_Nonnull address)) \
    F(int32_t, cuMemcpyHtoDAsync_v2, \
      (ccuda_address to, const void *_Nonnull from, size_t bytes, void *_Nullable stream)) \
    F(int32_t, cuMemcpyDtoHAsync_v2, (void *_Nonnull to, ccuda_address from, size_t bytes, void *_Nullable stream)) \
    F(int32_t, cuStreamCreateWithPriority, (void *_Nullable *_Nonnull stream, uint32_t flags, int32_t priority)) \
    F(int32_t, cuStreamDestroy_v2, (void *_Nonnull stream)) \
    F(int32_t, cuStreamSynchronize, (void *_Nonnull stream)) \
    F(int32_t, cuEventCreate, (void *_Nullable *_Nonnull event, uint32_t flags)) \
    F(int32_t, cuEventDestroy_v2, (void *_Nonnull event)) \
    F(int32_t, cuEventRecord, (void *_Nonnull event, void *_Nonnull stream)) \
    F(int32_t, cuEventSynchronize, (void *_Nonnull event)) \
    F(int32_t, cuModuleLoadData, (void *_Nullable *_Nonnull module, const void *_Nonnull image)) \
    F(int32_t, cuModuleUnload, (void *_Nonnull module)) \
    F(int32_t, cuModuleGetFunction, \
      (void *_Nullable *_Nonnull function, void *_Nonnull module, const char *_Nonnull name)) \
    F(int32_t, cuFuncSetAttribute, (void *_Nonnull function, int32_t attribute, int32_t value)) \
    F(int32_t, cuLaunchKernel, \
      (void *_Nonnull function, uint32_t gridX, uint32_t gridY, uint32_t gridZ, uint32_t blockX, uint32_t blockY, \
       uint32_t blockZ, uint32_t sharedBytes, void *_Nonnull stream, void *_Nullable *_Nullable arguments, \
       void *_Nullable *_Nullable extra))

CCUDA_TABLE(ccuda_driver, CCUDA_DRIVER)

enum {
    CCUDA_SUCCESS = 0, CCUDA_OUT_OF_MEMORY = 2, CCUDA_STUB_LIBRARY = 34, CCUDA_NO_DEVICE = 100,
    CCUDA_SYSTEM_DRIVER_MISMATCH = 803
};

enum {  // CUdevice_attribute
    CCUDA_MULTIPROCESSOR_COUNT = 16, CCUDA_L2_CACHE_SIZE = 38, CCUDA_COMPUTE_MAJOR = 75, CCUDA_COMPUTE_MINOR = 76,
    CCUDA_SHARED_BYTES_PER_BLOCK = 97
};

enum { CCUDA_MAX_DYNAMIC_SHARED_BYTES = 8 };              // CUfunction_attribute
enum { CCUDA_STREAM_NON_BLOCKING = 1, CCUDA_EVENT_DISABLE_TIMING = 2, CCUDA_HOST_PORTABLE = 1 };
enum { CCUDA_LAUNCH_END = 0, CCUDA_LAUNCH_BUFFER = 1, CCUDA_LAUNCH_BUFFER_SIZE = 2 };  // `extra` of a launch

#endif

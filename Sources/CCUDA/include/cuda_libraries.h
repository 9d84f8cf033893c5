// NVRTC, cuBLASLt and cuDNN, by the names that the libraries export; all answer 0 for success unless said otherwise.
#ifndef CCUDA_LIBRARIES_H
#define CCUDA_LIBRARIES_H

#include "cuda_layouts.h"

#define CCUDA_NVRTC(F) \
    F(int32_t, nvrtcVersion, (int32_t *_Nonnull major, int32_t *_Nonnull minor)) \
    F(const char *_Nullable, nvrtcGetErrorString, (int32_t status)) \
    F(int32_t, nvrtcCreateProgram, \
      (void *_Nullable *_Nonnull program, const char *_Nonnull source, const char *_Nullable name, int32_t headerCount, \
       const char *_Nullable const *_Nullable headers, const char *_Nullable const *_Nullable headerNames)) \
    F(int32_t, nvrtcDestroyProgram, (void *_Nullable *_Nonnull program)) \
    F(int32_t, nvrtcCompileProgram, \
      (void *_Nonnull program, int32_t optionCount, const char *_Nullable const *_Nullable options)) \
    F(int32_t, nvrtcGetCUBINSize, (void *_Nonnull program, size_t *_Nonnull bytes)) \
    F(int32_t, nvrtcGetCUBIN, (void *_Nonnull program, char *_Nonnull image)) \
    F(int32_t, nvrtcGetProgramLogSize, (void *_Nonnull program, size_t *_Nonnull bytes)) \
    F(int32_t, nvrtcGetProgramLog, (void *_Nonnull program, char *_Nonnull log)) \
    F(int32_t, nvrtcGetNumSupportedArchs, (int32_t *_Nonnull count)) \
    F(int32_t, nvrtcGetSupportedArchs, (int32_t *_Nonnull architectures))

CCUDA_TABLE(ccuda_nvrtc, CCUDA_NVRTC)

#define CCUDA_CUBLASLT(F) \
    F(size_t, cublasLtGetVersion, (void)) \
    F(const char *_Nullable, cublasLtGetStatusString, (int32_t status)) \
    F(int32_t, cublasLtCreate, (void *_Nullable *_Nonnull handle)) \
    F(int32_t, cublasLtDestroy, (void *_Nonnull handle)) \
    F(int32_t, cublasLtMatmulDescCreate, (void *_Nullable *_Nonnull description, int32_t compute, int32_t scale)) \
    F(int32_t, cublasLtMatmulDescDestroy, (void *_Nonnull description)) \
    F(int32_t, cublasLtMatmulDescSetAttribute, \
      (void *_Nonnull description, int32_t attribute, const void *_Nonnull value, size_t bytes)) \
    F(int32_t, cublasLtMatrixLayoutCreate, \
      (void *_Nullable *_Nonnull layout, int32_t type, uint64_t rows, uint64_t columns, int64_t leading)) \
    F(int32_t, cublasLtMatrixLayoutDestroy, (void *_Nonnull layout)) \
    F(int32_t, cublasLtMatmulPreferenceCreate, (void *_Nullable *_Nonnull preference)) \
    F(int32_t, cublasLtMatmulPreferenceDestroy, (void *_Nonnull preference)) \
    F(int32_t, cublasLtMatmulPreferenceSetAttribute, \
      (void *_Nonnull preference, int32_t attribute, const void *_Nonnull value, size_t bytes)) \
    F(int32_t, cublasLtMatmulAlgoGetHeuristic, \
      (void *_Nonnull handle, void *_Nonnull description, void *_Nonnull a, void *_Nonnull b, void *_Nonnull c, \
       void *_Nonnull d, void *_Nonnull preference, int32_t wanted, ccuda_lt_heuristic *_Nonnull results, \
       int32_t *_Nonnull found)) \
    F(int32_t, cublasLtMatmul, \
      (void *_Nonnull handle, void *_Nonnull description, const void *_Nonnull alpha, ccuda_address a, \
       void *_Nonnull aLayout, ccuda_address b, void *_Nonnull bLayout, const void *_Nonnull beta, ccuda_address c, \
       void *_Nonnull cLayout, ccuda_address d, void *_Nonnull dLayout, \
       const ccuda_lt_algorithm *_Nonnull algorithm, ccuda_address workspace, size_t workspaceBytes, \
       void *_Nonnull stream))

CCUDA_TABLE(ccuda_cublaslt, CCUDA_CUBLASLT)

enum { CCUDA_COMPUTE_32F = 68, CCUDA_R_32F = 0, CCUDA_R_16BF = 14, CCUDA_OP_T = 1 };
enum {  // cublasLtMatmulDescAttributes_t and what they take
    CCUDA_LT_TRANSA = 3, CCUDA_LT_EPILOGUE = 7, CCUDA_LT_BIAS_POINTER = 8, CCUDA_LT_BIAS_TYPE = 26,
    CCUDA_EPILOGUE_BIAS = 4
};
enum { CCUDA_LT_WORKSPACE_BYTES = 1 };  // cublasLtMatmulPreferenceAttributes_t

// Descriptors are `void *`; attributes and types as in cudnn_graph.h.
#define CCUDA_CUDNN(F) \
    F(size_t, cudnnGetVersion, (void)) \
    F(size_t, cudnnGetCudartVersion, (void)) \
    F(const char *_Nullable, cudnnGetErrorString, (int32_t status)) \
    F(void, cudnnGetLastErrorString, (char *_Nonnull text, size_t bytes)) \
    F(int32_t, cudnnCreate, (void *_Nullable *_Nonnull handle)) \
    F(int32_t, cudnnDestroy, (void *_Nonnull handle)) \
    F(int32_t, cudnnSetStream, (void *_Nonnull handle, void *_Nullable stream)) \
    F(int32_t, cudnnBackendCreateDescriptor, (int32_t type, void *_Nullable *_Nonnull descriptor)) \
    F(int32_t, cudnnBackendDestroyDescriptor, (void *_Nonnull descriptor)) \
    F(int32_t, cudnnBackendSetAttribute, \
      (void *_Nonnull descriptor, int32_t attribute, int32_t type, int64_t count, const void *_Nonnull elements)) \
    F(int32_t, cudnnBackendGetAttribute, \
      (void *_Nonnull descriptor, int32_t attribute, int32_t type, int64_t wanted, int64_t *_Nonnull count, \
       void *_Nullable elements)) \
    F(int32_t, cudnnBackendFinalize, (void *_Nonnull descriptor)) \
    F(int32_t, cudnnBackendExecute, (void *_Nonnull handle, void *_Nonnull plan, void *_Nonnull variants))

CCUDA_TABLE(ccuda_cudnn, CCUDA_CUDNN)

// The file that the library came from which holds `symbol`; NULL when the system does not know.
const char *_Nullable ccuda_file_of(const void *_Nonnull symbol);

#endif

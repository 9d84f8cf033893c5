// cuBLASLt as far as docent calls it: bf16 matrices by columns, the first transposed, f32 sums and results.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "EmulatedCUDA.h"
#include "kernels.h"

namespace {
enum { ok = 0, invalid_value = 7, not_supported = 15 };
enum { f32 = 0, bf16 = 14, transposed = 1, plain = 1, with_bias = 4 };

struct Description { int transA, epilogue, biasType; uint64_t bias; };
struct Layout { int type; uint64_t rows, columns; int64_t leading; };
struct Algorithm { uint64_t data[8]; };
struct Heuristic { Algorithm algorithm; size_t workspaceBytes; int state; float waves; int reserved[4]; };

struct Product {
    Description description;
    Layout a, b, d;
    uint64_t aAddress, bAddress, cAddress, dAddress;
    float alpha, beta;
};

int handles, products;

float widened(uint64_t address, uint64_t index) {
    uint32_t bits = (uint32_t)((const uint16_t *)address)[index] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

void run(const void *arguments) {
    Product p;
    memcpy(&p, arguments, sizeof p);
    for (uint64_t column = 0; column < p.d.columns; column++) {
        for (uint64_t row = 0; row < p.d.rows; row++) {
            float sum = 0;
            for (uint64_t k = 0; k < p.a.rows; k++) {
                sum += widened(p.aAddress, row * (uint64_t)p.a.leading + k)
                    * widened(p.bAddress, column * (uint64_t)p.b.leading + k);
            }
            uint64_t at = column * (uint64_t)p.d.leading + row;
            float result = p.alpha * sum;
            if (p.beta != 0) result += p.beta * ((const float *)p.cAddress)[at];
            if (p.description.epilogue == with_bias) result += ((const float *)p.description.bias)[row];
            ((float *)p.dAddress)[at] = result;
        }
    }
}

size_t version(void) { return 130100; }
const char *status_text(int) { return "a status of the emulation"; }
template <class T> int make(T **made, T value) { handles++; *made = new T(value); return ok; }
template <class T> int end(T *made) { handles--; delete made; return ok; }

int create(int **handle) { return make(handle, 0); }
int destroy(int *handle) { return end(handle); }
int describe(Description **made, int compute, int scale) {
    return compute == 68 && scale == f32 ? make(made, {0, plain, f32, 0}) : not_supported;
}
int describe_end(Description *made) { return end(made); }
int describe_set(Description *made, int attribute, const void *value, size_t bytes) {
    if (bytes != (attribute == 8 ? 8u : 4u)) return invalid_value;
    switch (attribute) {
    case 3: memcpy(&made->transA, value, 4); return ok;
    case 7: memcpy(&made->epilogue, value, 4); return ok;
    case 8: memcpy(&made->bias, value, 8); return ok;
    case 26: memcpy(&made->biasType, value, 4); return ok;
    default: return invalid_value;
    }
}
int lay_out(Layout **made, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    return leading >= (int64_t)rows ? make(made, {type, rows, columns, leading}) : invalid_value;
}
int lay_out_end(Layout *made) { return end(made); }
int prefer(uint64_t **made) { return make(made, (uint64_t)0); }
int prefer_end(uint64_t *made) { return end(made); }
int prefer_set(uint64_t *made, int attribute, const void *value, size_t bytes) {
    if (attribute != 1 || bytes != 8) return invalid_value;
    memcpy(made, value, 8);
    return ok;
}

bool fits(const Description &description, const Layout &a, const Layout &b, const Layout &d) {
    return description.transA == transposed && a.type == bf16 && b.type == bf16 && d.type == f32 && a.rows == b.rows
        && a.columns == d.rows && b.columns == d.columns && description.biasType == f32;
}

// Like the library, it has nothing for rows of matrices that are no whole 16 bytes.
int choose(
    void *, Description *description, Layout *a, Layout *b, Layout *, Layout *d, uint64_t *workspace, int wanted,
    Heuristic *results, int *found) {
    *found = 0;
    if (wanted < 1 || !fits(*description, *a, *b, *d)) return invalid_value;
    if (a->rows % 8 != 0) return not_supported;
    memset(results, 0, sizeof *results);
    results->workspaceBytes = *workspace;
    *found = 1;
    return ok;
}

int multiply(
    void *, Description *description, const float *alpha, uint64_t aAddress, Layout *a, uint64_t bAddress, Layout *b,
    const float *beta, uint64_t cAddress, Layout *, uint64_t dAddress, Layout *d, const Algorithm *algorithm,
    uint64_t workspace, size_t workspaceBytes, void *stream) {
    if (!algorithm || !fits(*description, *a, *b, *d)) return invalid_value;
    if (!emulated_is_device_memory(aAddress, a->rows * a->columns * 2)
        || !emulated_is_device_memory(bAddress, b->rows * b->columns * 2)
        || !emulated_is_device_memory(dAddress, d->rows * d->columns * 4)
        || !emulated_is_device_memory(workspace, workspaceBytes)
        || (description->epilogue == with_bias && !emulated_is_device_memory(description->bias, d->rows * 4))) {
        emulated_fault("a product of what is no memory of the device");
    }
    Product product = {*description, *a, *b, *d, aAddress, bAddress, cAddress, dAddress, *alpha, *beta};
    emulated_enqueue(stream, run, &product, sizeof product);
    products++;
    return ok;
}

struct Function { const char *name; void *address; };
const Function functions[] = {
    {"cublasLtGetVersion", (void *)version}, {"cublasLtGetStatusString", (void *)status_text},
    {"cublasLtCreate", (void *)create}, {"cublasLtDestroy", (void *)destroy},
    {"cublasLtMatmulDescCreate", (void *)describe}, {"cublasLtMatmulDescDestroy", (void *)describe_end},
    {"cublasLtMatmulDescSetAttribute", (void *)describe_set}, {"cublasLtMatrixLayoutCreate", (void *)lay_out},
    {"cublasLtMatrixLayoutDestroy", (void *)lay_out_end}, {"cublasLtMatmulPreferenceCreate", (void *)prefer},
    {"cublasLtMatmulPreferenceDestroy", (void *)prefer_end},
    {"cublasLtMatmulPreferenceSetAttribute", (void *)prefer_set},
    {"cublasLtMatmulAlgoGetHeuristic", (void *)choose}, {"cublasLtMatmul", (void *)multiply},
};
}  // namespace

void *emulated_lt_symbol(const char *name) {
    for (const Function &function : functions) {
        if (strcmp(function.name, name) == 0) return function.address;
    }
    return nullptr;
}

void emulated_lt_reset(void) { products = 0; }
int emulated_lt_handles(void) { return handles; }
int emulated_cuda_products(void) { return products; }

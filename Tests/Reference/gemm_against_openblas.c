// Docent's matrix kernels beside OpenBLAS sgemm: both in turns, in one process, on as many threads; medians.
//
//     sudo apt-get install libopenblas-dev
//     clang -O2 -ISources/CKernels/include Tests/Reference/gemm_against_openblas.c Sources/CKernels/*.c \
//         -lopenblas -lpthread -lm -o /tmp/gemm && /tmp/gemm [threads] [rounds]
//
// Times of ours hold everything that a layer does: packing or rounding the rows, and the product.
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

typedef struct {
    const docent_kernels *kernels;
    docent_pool *pool;
    docent_linear layer;
    docent_rows rows;
    float *packed, *scratch;
} product;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *random_floats(int64_t count) {
    float *values = docent_allocate(count * 4);
    for (int64_t i = 0; i < count; i++) values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return values;
}

static void pack_part(void *context, int64_t part, int32_t thread) {
    product *p = context;
    int64_t tile = p->kernels->tile_rows, first = part * tile, rows = p->layer.rows;
    p->kernels->pack_rows(p->layer.input, rows, p->layer.inputs, first, first + tile < rows ? first + tile : rows, p->packed);
}

static void tile_part(void *context, int64_t part, int32_t thread) {
    product *p = context;
    int64_t width = p->kernels->tile_outputs;
    float *scratch = p->scratch + thread * p->layer.inputs * width;
    p->kernels->multiply_tiles(&p->layer, p->packed, 0, p->layer.rows, part * width, scratch);
}

static void round_part(void *context, int64_t part, int32_t thread) {
    product *p = context;
    int64_t last = (part + 1) * 8;
    p->kernels->quantize_rows(
        p->layer.type, &p->rows, part * 8, last < p->layer.rows ? last : p->layer.rows, p->layer.quantized);
}

static void panel_part(void *context, int64_t part, int32_t thread) {
    product *p = context;
    p->kernels->multiply_rows(&p->layer, part * 16, (part + 1) * 16);
}

static void multiply(product *p) {
    const docent_linear *l = &p->layer;
    if (l->type == docent_q8 || l->type == docent_q4) {
        docent_pool_run(p->pool, (l->rows + 7) / 8, round_part, p);
        docent_pool_run(p->pool, l->outputs / 16, panel_part, p);
    } else {
        // As many rows at a time as CPUBackend packs.
        int64_t tile = p->kernels->tile_rows, most = (1 << 20) / l->inputs;
        int64_t block = (most > 240 ? most : 240) / tile * tile;
        for (int64_t row = 0; row < l->rows; row += block) {
            product part = *p;
            part.layer.input += row * l->inputs;
            part.layer.output += row * l->outputs;
            part.layer.rows = l->rows - row < block ? l->rows - row : block;
            docent_pool_run(p->pool, (part.layer.rows + tile - 1) / tile, pack_part, &part);
            docent_pool_run(p->pool, l->outputs / p->kernels->tile_outputs, tile_part, &part);
        }
    }
}

/// `weight` [outputs, inputs] as `type`.
static void *stored(docent_type type, const float *weight, int64_t outputs, int64_t inputs) {
    if (type == docent_f32) return (void *)weight;
    if (type == docent_bf16) {
        uint16_t *halves = docent_allocate(outputs * inputs * 2);
        for (int64_t i = 0; i < outputs * inputs; i++) memcpy(&halves[i], (const char *)&weight[i] + 2, 2);
        return halves;
    }
    char *packed = docent_allocate(docent_quantized_bytes(type, outputs, inputs));
    for (int64_t output = 0; output < outputs; output += 16)
        docent_quantize_panel(type, weight + output * inputs, output, outputs, inputs, packed);
    return packed;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

int main(int count, char **arguments) {
    int threads = count > 1 ? atoi(arguments[1]) : 1, rounds = count > 2 ? atoi(arguments[2]) : 9;
    const docent_kernels *kernels = docent_kernels_for(docent_avx512);
    if (!kernels) kernels = docent_kernels_for(docent_avx2);
    if (!kernels || rounds < 1) return 1;
    openblas_set_num_threads(threads);
    docent_pool *pool = docent_pool_create(threads);
    const docent_type types[] = {docent_f32, docent_bf16, docent_q8, docent_q4};
    const int64_t shapes[][3] = {
        {1024, 3072, 768}, {1024, 768, 3072}, {164, 1920, 576}, {512, 3072, 576}, {2048, 2048, 2048}};
    printf("%s, %d threads, GFLOP/s (of OpenBLAS)\n", kernels->name, threads);
    printf("%-20s %9s %16s %16s %16s %16s\n", "rows, outputs, inputs", "OpenBLAS", "f32", "bf16", "q8", "q4");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t rows = shapes[s][0], outputs = shapes[s][1], inputs = shapes[s][2];
        float *input = random_floats(rows * inputs), *weight = random_floats(outputs * inputs);
        float *output = random_floats(rows * outputs);
        docent_quantized_rows quantized = {
            docent_allocate(rows * inputs * 2), docent_allocate(rows * inputs / 8), docent_allocate(rows * inputs / 8)};
        product products[4];
        double times[5][99];
        for (int t = 0; t < 4; t++)
            products[t] = (product){
                .kernels = kernels, .pool = pool,
                .layer = {.input = input, .quantized = quantized, .weight = stored(types[t], weight, outputs, inputs),
                          .output = output, .rows = rows, .inputs = inputs, .outputs = outputs, .type = types[t]},
                .rows = {.values = input, .inputs = inputs},
                .packed = random_floats((rows + 64) * inputs),
                .scratch = random_floats(threads * inputs * kernels->tile_outputs)};
        for (int round = -1; round < rounds && round < 99; round++)
            for (int t = 0; t < 5; t++) {
                double start = now();
                if (t == 4)
                    cblas_sgemm(
                        CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)outputs, (int)inputs, 1, input,
                        (int)inputs, weight, (int)inputs, 0, output, (int)outputs);
                else multiply(&products[t]);
                if (round >= 0) times[t][round] = now() - start;
            }
        double work = 2e-9 * (double)(rows * outputs * inputs), theirs = work / median(times[4], rounds);
        printf("%5ld, %5ld, %5ld %12.0f", (long)rows, (long)outputs, (long)inputs, theirs);
        for (int t = 0; t < 4; t++) {
            double ours = work / median(times[t], rounds);
            printf("%9.0f (%.2f)", ours, ours / theirs);
        }
        printf("\n");
    }
}

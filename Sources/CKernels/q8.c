// The q8 weight layout: written once at load, read by every instruction set's kernels.
#include <math.h>
#include <string.h>

#include "CKernels.h"

int64_t docent_q8_bytes(int64_t outputs, int64_t inputs) {
    int64_t panels = (outputs + docent_q8_outputs - 1) / docent_q8_outputs;
    return panels * (inputs / docent_q8_block) * (docent_q8_tile + docent_q8_scales);
}

static float from_bf16(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/// The next bf16 at or above a positive number, so that the largest weight stays within 127 steps.
static uint16_t bf16_above(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)((bits + 0xffff) >> 16);
}

void docent_q8_pack(const float *rows, int64_t first, int64_t outputs, int64_t inputs, void *packed) {
    int64_t blocks = inputs / docent_q8_block, here = outputs - first;
    char *panel = (char *)packed + first / docent_q8_outputs * docent_q8_bytes(docent_q8_outputs, inputs);
    memset(panel, 0, (size_t)docent_q8_bytes(docent_q8_outputs, inputs));
    for (int64_t o = 0; o < docent_q8_outputs && o < here; o++) {
        for (int64_t block = 0; block < blocks; block++) {
            const float *weights = rows + o * inputs + block * docent_q8_block;
            float top = 0;
            for (int i = 0; i < docent_q8_block; i++) top = fmaxf(top, fabsf(weights[i]));
            uint16_t half = bf16_above(top / 127.0f);
            float scale = from_bf16(half), inverse = scale > 0 ? 1.0f / scale : 0;
            memcpy(panel + blocks * docent_q8_tile + block * docent_q8_scales + o * 2, &half, 2);
            int8_t *tile = (int8_t *)panel + block * docent_q8_tile + o * 4;
            for (int i = 0; i < docent_q8_block; i++) {
                float steps = fmaxf(-127, fminf(127, nearbyintf(weights[i] * inverse)));
                tile[i / 4 * 64 + i % 4] = (int8_t)steps;
            }
        }
    }
}

void docent_q8_row(const void *packed, int64_t index, int64_t inputs, float *row) {
    int64_t blocks = inputs / docent_q8_block, lane = index % docent_q8_outputs;
    const char *panel =
        (const char *)packed + index / docent_q8_outputs * docent_q8_bytes(docent_q8_outputs, inputs);
    for (int64_t block = 0; block < blocks; block++) {
        uint16_t half;
        memcpy(&half, panel + blocks * docent_q8_tile + block * docent_q8_scales + lane * 2, 2);
        const int8_t *tile = (const int8_t *)panel + block * docent_q8_tile + lane * 4;
        for (int i = 0; i < docent_q8_block; i++)
            row[block * docent_q8_block + i] = tile[i / 4 * 64 + i % 4] * from_bf16(half);
    }
}

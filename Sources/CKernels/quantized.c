// The layouts of q8 and q4 weights: written once at load, read by every instruction set's kernels.
#include <math.h>
#include <string.h>

#include "CKernels.h"

static int64_t block_bytes(docent_type type) { return docent_panel_scales + (type == docent_q4 ? 4 : 8) * docent_group; }

int64_t docent_quantized_bytes(docent_type type, int64_t outputs, int64_t inputs) {
    int64_t panels = (outputs + docent_panel_outputs - 1) / docent_panel_outputs;
    return panels * (inputs / docent_block) * block_bytes(type);
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

static uint16_t nearest_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The steps of one block at the given number of steps a unit, between `least` and `most`.
static void round_block(const float *weights, float inverse, float least, float most, float *steps) {
    for (int i = 0; i < docent_block; i++) {
        // Adding 1.5 x 2^23 rounds to the nearest integer, and unlike a call vectorises.
        float step = (weights[i] * inverse + 0x1.8p23f) - 0x1.8p23f;
        steps[i] = fminf(fmaxf(step, least), most);
    }
}

static float largest_magnitude(const float *weights) {
    float top = 0;
    for (int i = 0; i < docent_block; i++) top = fabsf(weights[i]) > fabsf(top) ? weights[i] : top;
    return top;
}

static uint16_t quantize_q8(const float *weights, float *steps) {
    uint16_t half = bf16_above(fabsf(largest_magnitude(weights)) / 127.0f);
    float scale = from_bf16(half);
    round_block(weights, scale > 0 ? 1.0f / scale : 0, -127, 127, steps);
    return half;
}

/// Sixteen levels cannot afford a scale that only serves the largest weight: of several that put it near -8, the one
/// whose least-squares fit leaves the smallest squared error.
static uint16_t quantize_q4(const float *weights, float *steps) {
    float top = largest_magnitude(weights), best = 0, best_scale = 0;
    if (top != 0) {
        for (int candidate = -4; candidate <= 4; candidate++) {
            float product = 0, square = 0;
            round_block(weights, -(8 + 0.25f * (float)candidate) / top, -8, 7, steps);
            for (int i = 0; i < docent_block; i++) {
                product += steps[i] * weights[i];
                square += steps[i] * steps[i];
            }
            // The fit's error is the weights' square less this.
            if (square > 0 && product * product > best * square) {
                best = product * product / square;
                best_scale = product / square;
            }
        }
    }
    uint16_t half = nearest_bf16(best_scale);
    float scale = from_bf16(half);
    round_block(weights, scale != 0 ? 1.0f / scale : 0, -8, 7, steps);
    return half;
}

void docent_quantize_panel(
    docent_type type, const float *rows, int64_t first, int64_t outputs, int64_t inputs, void *packed) {
    int64_t blocks = inputs / docent_block, here = outputs - first;
    int64_t bytes = docent_quantized_bytes(type, docent_panel_outputs, inputs);
    uint8_t *panel = (uint8_t *)packed + first / docent_panel_outputs * bytes;
    memset(panel, 0, (size_t)bytes);
    for (int64_t o = 0; o < docent_panel_outputs && o < here; o++) {
        for (int64_t block = 0; block < blocks; block++) {
            const float *weights = rows + o * inputs + block * docent_block;
            float steps[docent_block];
            uint16_t half = type == docent_q4 ? quantize_q4(weights, steps) : quantize_q8(weights, steps);
            uint8_t *scales = panel + block * block_bytes(type), *tile = scales + docent_panel_scales + o * 4;
            memcpy(scales + o * 2, &half, 2);
            for (int i = 0; i < docent_block; i++) {
                if (type == docent_q4) {
                    tile[i / 8 * 64 + i % 4] |= (uint8_t)((int)steps[i] + 8) << (i & 4);
                } else {
                    tile[i / 4 * 64 + i % 4] = (uint8_t)(int8_t)steps[i];
                }
            }
        }
    }
}

void docent_quantized_row(docent_type type, const void *packed, int64_t index, int64_t inputs, float *row) {
    int64_t blocks = inputs / docent_block, lane = index % docent_panel_outputs;
    const uint8_t *panel = (const uint8_t *)packed
        + index / docent_panel_outputs * docent_quantized_bytes(type, docent_panel_outputs, inputs);
    for (int64_t block = 0; block < blocks; block++) {
        uint16_t half;
        const uint8_t *scales = panel + block * block_bytes(type), *tile = scales + docent_panel_scales + lane * 4;
        memcpy(&half, scales + lane * 2, 2);
        for (int i = 0; i < docent_block; i++) {
            int step = type == docent_q4 ? (tile[i / 8 * 64 + i % 4] >> (i & 4) & 15) - 8
                                         : (int8_t)tile[i / 4 * 64 + i % 4];
            row[block * docent_block + i] = (float)step * from_bf16(half);
        }
    }
}

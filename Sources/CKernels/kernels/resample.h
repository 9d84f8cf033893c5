// Weighted sums of 8-bit samples in 32-bit fixed point, exactly: addition wraps, so its order does not matter.

enum { resample_rows = 4, resample_taps = LANES / 4 };

typedef uint8_t samples __attribute__((vector_size(LANES)));
typedef uint32_t quad __attribute__((vector_size(16)));
typedef int32_t quad_integers __attribute__((vector_size(16)));
typedef uint8_t quad_samples __attribute__((vector_size(4)));

/// The first bytes of some pixels of three bytes as one 32-bit lane each, three lanes of four used.
INLINE integers spread(samples x) {
#if LANES == 16
    x = __builtin_shufflevector(x, x, 0, 1, 2, 12, 3, 4, 5, 13, 6, 7, 8, 14, 9, 10, 11, 15);
#elif LANES == 8
    x = __builtin_shufflevector(x, x, 0, 1, 2, 6, 3, 4, 5, 7);
#endif
    return __builtin_convertvector(x, integers);
}

/// Each of `resample_taps` weights for the four lanes of its pixel.
INLINE integers spread_weights(const int32_t *weights) {
    typedef int32_t few __attribute__((vector_size(resample_taps * 4)));
    few w;
    memcpy(&w, weights, sizeof w);
#if LANES == 16
    return __builtin_shufflevector(w, w, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
#elif LANES == 8
    return __builtin_shufflevector(w, w, 0, 0, 0, 0, 1, 1, 1, 1);
#else
    return (integers){} + weights[0];
#endif
}

INLINE uint8_t sample_of(uint32_t sum, int32_t shift) {
    int32_t value = (int32_t)sum >> shift;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// One output pixel of `rows` (a constant after inlining) neighbouring rows.
INLINE void mix_pixel(
    int rows, const docent_mix *m, const uint8_t *source, const int32_t *weights, int64_t first, int64_t count,
    uint8_t *target) {
    words sums[resample_rows];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[r] = (words){};
    int64_t tap = 0;
    // Whole vectors only as long as they end within the row; unused weights are zero up to the stride.
    for (; tap < count && tap + resample_taps <= m->stride && 3 * (first + tap) + LANES <= m->source_stride;
         tap += resample_taps) {
        words weight = (words)spread_weights(weights + tap);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            samples x;
            memcpy(&x, source + r * m->source_stride + 3 * (first + tap), sizeof x);
            sums[r] += (words)spread(x) * weight;
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        quad sum = (quad){} + (1u << (m->fraction_bits - 1));
        quad parts[resample_taps];
        memcpy(parts, sums + r, sizeof parts);
#pragma clang loop unroll(full)
        for (int i = 0; i < resample_taps; i++) sum += parts[i];
        for (int64_t t = tap; t < count; t++) {
            const uint8_t *x = source + r * m->source_stride + 3 * (first + t);
            sum += (quad){x[0], x[1], x[2], 0} * (uint32_t)weights[t];
        }
        quad_integers value = (quad_integers)sum >> m->fraction_bits;
        value = __builtin_elementwise_max(__builtin_elementwise_min(value, (quad_integers){} + 255), (quad_integers){});
        quad_samples narrow = __builtin_convertvector(value, quad_samples);
        memcpy(target + r * m->target_stride, &narrow, 3);
    }
}

static void mix_pixels(const docent_mix *m, int64_t first_row, int64_t last_row) {
    for (int64_t row = first_row; row < last_row; row += resample_rows) {
        const uint8_t *source = m->source + row * m->source_stride;
        uint8_t *target = m->target + row * m->target_stride;
        for (int64_t i = 0; i < m->outputs; i++) {
            const int32_t *weights = m->weights + i * m->stride;
            if (last_row - row >= resample_rows) {
                mix_pixel(resample_rows, m, source, weights, m->starts[i], m->counts[i], target + 3 * i);
            } else {
                for (int64_t r = 0; r < last_row - row; r++)
                    mix_pixel(
                        1, m, source + r * m->source_stride, weights, m->starts[i], m->counts[i],
                        target + r * m->target_stride + 3 * i);
            }
        }
    }
}

static void mix_lines(const docent_mix *m, int64_t first, int64_t last) {
    enum { vectors = 4 };
    for (int64_t i = first; i < last; i++) {
        const int32_t *weights = m->weights + i * m->stride;
        const uint8_t *source = m->source + m->starts[i] * m->source_stride;
        uint8_t *target = m->target + i * m->target_stride;
        int64_t at = 0;
        for (; at + vectors * LANES <= m->source_stride; at += vectors * LANES) {
            words sums[vectors];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) sums[v] = (words){} + (1u << (m->fraction_bits - 1));
            for (int64_t tap = 0; tap < m->counts[i]; tap++) {
                words weight = (words){} + (uint32_t)weights[tap];
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) {
                    samples x;
                    memcpy(&x, source + tap * m->source_stride + at + v * LANES, sizeof x);
                    sums[v] += __builtin_convertvector(x, words) * weight;
                }
            }
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) {
                integers value = (integers)sums[v] >> m->fraction_bits;
                value = __builtin_elementwise_max(__builtin_elementwise_min(value, (integers){} + 255), (integers){});
                samples narrow = __builtin_convertvector(value, samples);
                memcpy(target + at + v * LANES, &narrow, sizeof narrow);
            }
        }
        for (; at < m->source_stride; at++) {
            uint32_t sum = 1u << (m->fraction_bits - 1);
            for (int64_t tap = 0; tap < m->counts[i]; tap++)
                sum += source[tap * m->source_stride + at] * (uint32_t)weights[tap];
            target[at] = sample_of(sum, m->fraction_bits);
        }
    }
}

// Loops over the elements of rows: norms, sums, activations, conversions.

/// What a row is multiplied by so that its mean square is one.
INLINE float rms_scale(const float *row, float epsilon, int64_t width) {
    vector squares = {}, more = {};
    int64_t i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        vector a = load(row + i), b = load(row + i + LANES);
        squares += a * a;
        more += b * b;
    }
    for (; i < width; i += LANES) {
        vector a = load_some(row + i, width - i < LANES ? width - i : LANES);
        squares += a * a;
    }
    return 1.0f / sqrtf(sum(squares + more) / (float)width + epsilon);
}

static void rms_norm(
    const float *input, const float *weight, float epsilon, int64_t rows, int64_t width, float *output) {
    for (int64_t row = 0; row < rows; row++, input += width, output += width) {
        float scale = rms_scale(input, epsilon, width);
        int64_t i = 0;
        for (; i + LANES <= width; i += LANES) store(output + i, load(input + i) * scale * load(weight + i));
        for (; i < width; i++) output[i] = input[i] * scale * weight[i];
    }
}

/// Two passes, so that a large mean costs no precision.
static void layer_norm(
    const float *input, const float *weight, const float *bias, float epsilon, int64_t rows, int64_t width,
    float *output) {
    for (int64_t row = 0; row < rows; row++, input += width, output += width) {
        int64_t whole = width - width % LANES, rest = width - whole;
        vector total = load_some(input + whole, rest);
        for (int64_t i = 0; i < whole; i += LANES) total += load(input + i);
        float mean = sum(total) / (float)width;
        vector squares = {};
        for (int64_t i = 0; i < whole; i += LANES) {
            vector a = load(input + i) - mean;
            squares += a * a;
        }
        float variance = sum(squares);
        for (int64_t i = whole; i < width; i++) variance += (input[i] - mean) * (input[i] - mean);
        float scale = 1.0f / sqrtf(variance / (float)width + epsilon);
        for (int64_t i = 0; i < whole; i += LANES)
            store(output + i, (load(input + i) - mean) * scale * load(weight + i) + load(bias + i));
        for (int64_t i = whole; i < width; i++) output[i] = (input[i] - mean) * scale * weight[i] + bias[i];
    }
}

INLINE void multiply_form(docent_form form, const float *gate_up, int64_t rows, int64_t width, float *output) {
    for (int64_t row = 0; row < rows; row++, gate_up += 2 * width, output += width) {
        const float *up = gate_up + width;
        for (int64_t i = 0; i < width; i += LANES) {
            int64_t left = width - i;
            if (left >= LANES) store(output + i, gated(form, load(gate_up + i), load(up + i)));
            else store_some(output + i, gated(form, load_some(gate_up + i, left), load_some(up + i, left)), left);
        }
    }
}

static void multiply_gated(docent_form form, const float *gate_up, int64_t rows, int64_t width, float *output) {
    if (form == docent_gelu_tanh_gated) multiply_form(docent_gelu_tanh_gated, gate_up, rows, width, output);
    else multiply_form(docent_silu_gated, gate_up, rows, width, output);
}

static void add(const float *source, int64_t count, float *target) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(target + i, load(target + i) + load(source + i));
    for (; i < count; i++) target[i] += source[i];
}

INLINE void activate_all(docent_activation kind, int64_t count, float *values) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(values + i, activation(kind, load(values + i)));
    if (i < count) store_some(values + i, activation(kind, load_some(values + i, count - i)), count - i);
}

static void activate(docent_activation kind, int64_t count, float *values) {
    switch (kind) {
    case docent_gelu_tanh: return activate_all(docent_gelu_tanh, count, values);
    case docent_gelu: return activate_all(docent_gelu, count, values);
    case docent_silu: return activate_all(docent_silu, count, values);
    case docent_quick_gelu: return activate_all(docent_quick_gelu, count, values);
    default: return;
    }
}

static void widen(docent_type type, const void *source, int64_t count, float *target) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(target + i, load_type(type, source, i));
    if (i < count) store_some(target + i, load_type_some(type, source, i, count - i), count - i);
}

static void exponentials(const float *input, int64_t count, float *output) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(output + i, exponential(load(input + i)));
    if (i < count) store_some(output + i, exponential(load_some(input + i, count - i)), count - i);
}

static void rotate(
    const float *input, const float *cosines, const float *sines, int64_t heads, int64_t head_size, float *output) {
    int64_t half = head_size / 2;
    for (int64_t head = 0; head < heads; head++, input += head_size, output += head_size) {
        int64_t i = 0;
        for (; i + LANES <= half; i += LANES) {
            vector a = load(input + i), b = load(input + half + i), c = load(cosines + i), s = load(sines + i);
            store(output + i, a * c - b * s);
            store(output + half + i, b * c + a * s);
        }
        for (; i < half; i++) {
            float a = input[i], b = input[half + i];
            output[i] = a * cosines[i] - b * sines[i];
            output[half + i] = b * cosines[i] + a * sines[i];
        }
    }
}

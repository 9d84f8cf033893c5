// Elementary functions and activations over vectors.

/// e^x to 1e-7 relative; 0 below -87.3, the largest finite power above 88.3.
INLINE vector exponential(vector x) {
    const float magic = 0x1.8p23f;  // adding it rounds to an integer, in every rounding mode we run in
    vector clamped = smaller(larger(x, splat(-87.33f)), splat(88.37f));
    vector shifted = clamped * 0x1.715476p+0f + magic;
    vector n = shifted - magic;
    vector r = clamped - n * 0x1.62e4p-1f;   // ln 2 in two parts: n times the first is exact
    r = r - n * 0x1.7f7d1cp-20f;
    vector p = splat(0x1.6db4dep-10f);
    p = p * r + 0x1.123bep-7f;
    p = p * r + 0x1.55545ep-5f;
    p = p * r + 0x1.55548ep-3f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    words power = ((words)shifted - (words)splat(magic) + 127) << 23;
    return choose(x < splat(-87.33f), splat(0), p * (vector)power);
}

/// 2^x to 2e-7 relative for x up to 127; about 2^-125 below that.
INLINE vector power_of_two(vector x) {
    const float magic = 0x1.8p23f;  // as above
    vector clamped = larger(x, splat(-125.0f));
    vector shifted = clamped + magic;
    vector r = clamped - (shifted - magic);
    vector p = splat(0x1.5c08e6p-10f);
    p = p * r + 0x1.3d0c52p-7f;
    p = p * r + 0x1.c6b6e4p-5f;
    p = p * r + 0x1.ebf918p-3f;
    p = p * r + 0x1.62e428p-1f;
    p = p * r + 1.0f;
    return (vector)((words)p + ((words)shifted << 23));
}

INLINE vector sigmoid_times(vector x, vector argument) { return x / (1.0f + exponential(-argument)); }

/// x/2 (1 + tanh u) = x / (1 + e^-2u) with u = sqrt(2/pi)(x + 0.044715 x^3), its factors as powers of two.
INLINE vector gelu_tanh(vector x) {
    vector argument = x * (-2.3022082f - 0.10294324f * x * x);
    return x / (1.0f + power_of_two(smaller(argument, splat(126.0f))));
}

/// x times the normal distribution function, whose tail is e^(-x^2/2) times a polynomial in 1/(1 + |x|/4)
/// (the form of Abramowitz & Stegun 26.2.17, fitted anew: 2.5e-9 absolute in exact arithmetic).
INLINE vector gelu(vector x) {
    vector size = larger(x, -x);
    vector k = 1.0f / (1.0f + 0.25f * size);
    vector p = splat(-0.09320607781410217f);
    p = p * k + 0.34863045811653137f;
    p = p * k - 0.279445618391037f;
    p = p * k + 0.29254019260406494f;
    p = p * k + 0.019225213676691055f;
    p = p * k + 0.11356283724308014f;
    p = p * k + 0.09869299829006195f;
    vector tail = p * k * exponential(-0.5f * size * size) * x;
    return choose(x < splat(0), tail, x - tail);
}

INLINE bool is_gated(docent_form form) { return form == docent_silu_gated || form == docent_gelu_tanh_gated; }

INLINE vector gated(docent_form form, vector gate, vector up) {
    return (form == docent_gelu_tanh_gated ? gelu_tanh(gate) : sigmoid_times(gate, gate)) * up;
}

INLINE vector activation(docent_activation kind, vector x) {
    switch (kind) {
    case docent_gelu_tanh: return gelu_tanh(x);
    case docent_gelu: return gelu(x);
    case docent_silu: return sigmoid_times(x, x);
    case docent_quick_gelu: return sigmoid_times(x, 1.702f * x);
    default: return x;
    }
}

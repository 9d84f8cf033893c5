// The integer dot products of quantised weights, one instruction set after the other.
//
// A group is 64 bytes of a panel: inputs of 16 outputs, four (q8) or eight (q4) each. It becomes one or two vectors of
// weights for each LANES outputs, each of which meets 32 bits of a row's activations.

#if defined(HAS_VNNI)
/// One instruction multiplies unsigned by signed bytes and adds four products to 32 bits. q8 is shifted to unsigned; what
/// that adds, like q4's 8, is in the block's start.
INLINE int vectors_of(docent_type type) { return type == docent_q4 ? 2 : 1; }

INLINE void load_group(docent_type type, const char *group, integers weights[2]) {
    words bytes;
    memcpy(&bytes, group, sizeof bytes);
    weights[0] = (integers)(type == docent_q4 ? bytes & 0x0f0f0f0fu : bytes ^ 0x80808080u);
    weights[1] = (integers)(bytes >> 4 & 0x0f0f0f0fu);
}

INLINE integers add_products(docent_type type, integers dot, integers weights, int32_t values) {
    return (integers)_mm512_dpbusd_epi32((__m512i)dot, (__m512i)weights, _mm512_set1_epi32(values));
}
INLINE integers total_of(docent_type type, integers dot) { return dot; }
INLINE int32_t start_of(docent_type type, integers total) {
    return __builtin_reduce_add(total) * (type == docent_q4 ? -8 : -128);
}

#elif defined(HAS_AVX2)
/// q8 is widened to 16 bits (inputs 0 and 2, 1 and 3 of each four), whose products add up in pairs to 32 bits: half the
/// instructions of moving signs about for unsigned bytes. q4 is unsigned: its pairs of products add up in 16 bits over
/// the whole block, because each half starts from what makes up for the 8 and so ends within 16 x 8 x 127.
INLINE int vectors_of(docent_type type) { return 2; }

INLINE void load_group(docent_type type, const char *group, integers weights[2]) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)group);
    if (type == docent_q4) {
        weights[0] = (integers)_mm256_and_si256(bytes, _mm256_set1_epi8(15));
        weights[1] = (integers)_mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
    } else {
        weights[0] = (integers)_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
        weights[1] = (integers)_mm256_srai_epi16(bytes, 8);
    }
}

INLINE integers add_products(docent_type type, integers dot, integers weights, int32_t values) {
    __m256i w = (__m256i)weights, x = _mm256_set1_epi32(values);
    return (integers)(type == docent_q4 ? _mm256_add_epi16((__m256i)dot, _mm256_maddubs_epi16(w, x))
                                        : _mm256_add_epi32((__m256i)dot, _mm256_madd_epi16(w, x)));
}
INLINE integers total_of(docent_type type, integers dot) {
    return type == docent_q4 ? (integers)_mm256_madd_epi16((__m256i)dot, _mm256_set1_epi16(1)) : dot;
}
INLINE int32_t start_of(docent_type type, integers total) {
    if (type == docent_q8) return 0;
    int32_t first = total[0] + total[1] + total[4] + total[5], second = total[2] + total[3] + total[6] + total[7];
    return (int32_t)(((uint32_t)(first * -8) & 0xffff) | (uint32_t)(second * -8) << 16);
}

#else
INLINE int vectors_of(docent_type type) { return type == docent_q4 ? 2 : 1; }

INLINE void load_group(docent_type type, const char *group, integers weights[2]) {
    words bytes;
    memcpy(&bytes, group, sizeof bytes);
    weights[0] = (integers)(type == docent_q4 ? bytes & 0x0f0f0f0fu : bytes);
    weights[1] = (integers)(bytes >> 4 & 0x0f0f0f0fu);
}

INLINE integers add_products(docent_type type, integers dot, integers weights, int32_t values) {
    for (int i = 0; i < 4; i++) dot += (weights << (24 - 8 * i) >> 24) * (int32_t)(int8_t)(values >> 8 * i);
    return dot;
}
INLINE integers total_of(docent_type type, integers dot) { return dot; }
INLINE int32_t start_of(docent_type type, integers total) {
    return type == docent_q4 ? __builtin_reduce_add(total) * -8 : 0;
}
#endif

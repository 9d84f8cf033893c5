// Norms of whole rows, one block a row, and of heads, one warp a head.

KERNEL(rms_norm_rows)(norm_rows_arguments a) {
    __shared__ float shared[32];
    unsigned long long first = (unsigned long long)blockIdx.x * a.width;
    const float *row = (const float *)a.input + first;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < a.width; i += blockDim.x) sum += row[i] * row[i];
    float factor = 1.0f / sqrtf(sum_of_block(sum, shared) / a.width + a.epsilon);
    const float *weight = (const float *)a.weight;
    for (int i = threadIdx.x; i < a.width; i += blockDim.x) {
        store(a.output, first + i, a.outputType, row[i] * factor * weight[i]);
    }
}

// Two passes over the row for the variance: the difference of two large sums would lose it.
KERNEL(layer_norm_rows)(norm_rows_arguments a) {
    __shared__ float shared[32];
    unsigned long long first = (unsigned long long)blockIdx.x * a.width;
    const float *row = (const float *)a.input + first;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < a.width; i += blockDim.x) sum += row[i];
    float mean = sum_of_block(sum, shared) / a.width;
    float squares = 0.0f;
    for (int i = threadIdx.x; i < a.width; i += blockDim.x) squares += (row[i] - mean) * (row[i] - mean);
    float factor = 1.0f / sqrtf(sum_of_block(squares, shared) / a.width + a.epsilon);
    const float *weight = (const float *)a.weight, *bias = (const float *)a.bias;
    for (int i = threadIdx.x; i < a.width; i += blockDim.x) {
        store(a.output, first + i, a.outputType, (row[i] - mean) * factor * weight[i] + bias[i]);
    }
}

// Grid: rows × heads; one warp.
KERNEL(rms_norm_heads)(norm_heads_arguments a) {
    float *head = (float *)a.rowsAddress + (unsigned long long)blockIdx.x * a.stride + a.firstColumn
        + blockIdx.y * a.headSize;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < a.headSize; i += 32) sum += head[i] * head[i];
    float factor = 1.0f / sqrtf(sum_of_warp(sum) / a.headSize + a.epsilon);
    const float *weight = (const float *)a.weight;
    for (int i = threadIdx.x; i < a.headSize; i += 32) head[i] = head[i] * factor * weight[i];
}

// Grid: rows × heads; each thread turns pairs (i, i + headSize / 2).
KERNEL(rotate_heads)(rotate_heads_arguments a) {
    float *head = (float *)a.rowsAddress + (unsigned long long)blockIdx.x * a.stride + a.firstColumn
        + blockIdx.y * a.headSize;
    int half = a.headSize / 2;
    const float *cosines = (const float *)a.cosines + (unsigned long long)blockIdx.x * half;
    const float *sines = (const float *)a.sines + (unsigned long long)blockIdx.x * half;
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        float low = head[i], high = head[i + half];
        head[i] = low * cosines[i] - high * sines[i];
        head[i + half] = high * cosines[i] + low * sines[i];
    }
}

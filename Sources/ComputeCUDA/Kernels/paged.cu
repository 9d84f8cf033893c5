// Attention over keys and values in pages [pages, kvHeads, pageSize, headSize].

// Where token `token` of the sequence of `row` lies for one key head, in values.
static __device__ inline unsigned long long slot(
    const step_places &step, const cache_places &cache, int row, int token, int kvHead) {
    int page = ((const int *)step.pages)[((const int *)step.firstPages)[row] + token / cache.pageSize];
    return (((unsigned long long)page * cache.kvHeads + kvHead) * cache.pageSize + token % cache.pageSize)
        * cache.headSize;
}

// Turns queries and keys and puts keys and values into their pages. Grid: rows × (heads + kvHeads).
KERNEL(store_step)(store_step_arguments a) {
    int row = blockIdx.x, head = blockIdx.y, size = a.cache.headSize, half = size / 2;
    int width = (a.heads + 2 * a.cache.kvHeads) * size;
    const float *from = (const float *)a.rowsAddress + (unsigned long long)row * width + head * size;
    int kvHead = head - a.heads, position = ((const int *)a.step.positions)[row];
    if (kvHead >= 0 && position < 0) return;  // a row of no sequence
    unsigned long long place = kvHead < 0
        ? ((unsigned long long)row * a.heads + head) * size
        : slot(a.step, a.cache, row, position, kvHead);
    kernel_address to = kvHead < 0 ? a.queries : a.cache.keys;
    int type = kvHead < 0 ? KERNEL_F32 : a.cache.cacheType;
    for (int i = threadIdx.x; i < half; i += blockDim.x) {
        float low = from[i], high = from[i + half];
        if (a.cosines) {
            float cosine = ((const float *)a.cosines)[(unsigned long long)row * half + i];
            float sine = ((const float *)a.sines)[(unsigned long long)row * half + i];
            float turned = low * cosine - high * sine;
            high = high * cosine + low * sine;
            low = turned;
        }
        store(to, place + i, type, low);
        store(to, place + i + half, type, high);
    }
    if (kvHead < 0) return;
    const float *values = from + a.cache.kvHeads * size;
    for (int i = threadIdx.x; i < size; i += blockDim.x) store(a.cache.values, place + i, type, values[i]);
}

struct PageSource {
    const attend_pages_arguments *a;
    int count, first, last, firstRow, head, kvHead;

    __device__ float query(int q, int i) const {
        return ((const float *)a->queries)[((unsigned long long)(firstRow + q) * a->heads + head) * a->cache.headSize + i];
    }
    __device__ float key(int token, int i) const {
        return load(a->cache.keys, slot(a->step, a->cache, firstRow, token, kvHead) + i, a->cache.cacheType);
    }
    __device__ float value(int token, int i) const {
        return load(a->cache.values, slot(a->step, a->cache, firstRow, token, kvHead) + i, a->cache.cacheType);
    }
    __device__ int start(int q) const { return ((const int *)a->step.starts)[firstRow + q]; }
    __device__ int end(int q) const { return ((const int *)a->step.ends)[firstRow + q]; }
    __device__ void write(int q, int i, float value) const {
        ((float *)a->output)[((unsigned long long)(firstRow + q) * a->heads + head) * a->cache.headSize + i] = value;
    }
};

// Sequences with several rows. Grid: tiles × heads.
KERNEL(attend_pages)(attend_pages_arguments a) {
    const int *tile = (const int *)a.tiles + 2 * blockIdx.x;
    PageSource source;
    source.a = &a;
    source.firstRow = tile[0];
    source.count = tile[1];
    source.head = blockIdx.y;
    source.kvHead = blockIdx.y / (a.heads / a.cache.kvHeads);
    source.first = source.start(0);
    source.last = source.end(0);
    for (int q = 1; q < source.count; q++) {
        source.first = source.start(q) < source.first ? source.start(q) : source.first;
        source.last = source.end(q) > source.last ? source.end(q) : source.last;
    }
    attend_tile(source, a.cache.headSize, a.scale);
}

// Sequences with one row: one block a run of tokens and a key head, whose query heads share what is read. 128 threads; shared
// memory: group × (headSize + KERNEL_RUN_TOKENS) floats. Grid: runs × singles × kvHeads. Runs lie at multiples of their length,
// so that a row's bits depend on its own context alone.
KERNEL(attend_runs)(attend_runs_arguments a) {
    SHARED_FLOATS(memory);
    int row = ((const int *)a.singles)[blockIdx.y], kvHead = blockIdx.z;
    int size = a.cache.headSize, group = a.heads / a.cache.kvHeads;
    int from = blockIdx.x * KERNEL_RUN_TOKENS, to = from + KERNEL_RUN_TOKENS;
    int start = ((const int *)a.step.starts)[row], end = ((const int *)a.step.ends)[row];
    from = from > start ? from : start;
    to = to < end ? to : end;
    float *partials = (float *)a.partials
        + (((unsigned long long)blockIdx.y * a.runs + blockIdx.x) * a.heads + kvHead * group) * (size + 2);
    if (from >= to) {
        for (int g = threadIdx.x; g < group; g += blockDim.x) {
            partials[g * (size + 2)] = MINUS_INFINITY;
            partials[g * (size + 2) + 1] = 0.0f;
        }
        return;
    }
    float *queries = memory, *scores = memory + group * size;
    const float *rowQueries = (const float *)a.queries + ((unsigned long long)row * a.heads + kvHead * group) * size;
    for (int i = threadIdx.x; i < group * size; i += blockDim.x) queries[i] = rowQueries[i] * a.scale;
    __syncthreads();
    for (int token = from + threadIdx.x; token < to; token += blockDim.x) {
        unsigned long long place = slot(a.step, a.cache, row, token, kvHead);
        for (int g = 0; g < group; g++) {
            float score = 0.0f;
            for (int i = 0; i < size; i++) score += queries[g * size + i] * load(a.cache.keys, place + i, a.cache.cacheType);
            scores[g * KERNEL_RUN_TOKENS + token - from] = score;
        }
    }
    __syncthreads();
    // One warp a query head.
    for (int g = threadIdx.x / 32; g < group; g += blockDim.x / 32) {
        float *own = scores + g * KERNEL_RUN_TOKENS;
        float greatest = MINUS_INFINITY;
        for (int t = threadIdx.x % 32; t < to - from; t += 32) greatest = fmaxf(greatest, own[t]);
        greatest = maximum_of_warp(greatest);
        float sum = 0.0f;
        for (int t = threadIdx.x % 32; t < to - from; t += 32) {
            own[t] = expf(own[t] - greatest);
            sum += own[t];
        }
        sum = sum_of_warp(sum);
        if (threadIdx.x % 32 == 0) {
            partials[g * (size + 2)] = greatest;
            partials[g * (size + 2) + 1] = sum;
        }
    }
    __syncthreads();
    for (int item = threadIdx.x; item < group * size; item += blockDim.x) {
        int g = item / size, i = item % size;
        float result = 0.0f;
        for (int token = from; token < to; token++) {
            unsigned long long place = slot(a.step, a.cache, row, token, kvHead);
            result += scores[g * KERNEL_RUN_TOKENS + token - from] * load(a.cache.values, place + i, a.cache.cacheType);
        }
        partials[g * (size + 2) + 2 + i] = result;
    }
}

// Joins the runs of each row in their order. Grid: singles × heads.
KERNEL(join_runs)(attend_runs_arguments a) {
    int size = a.cache.headSize, row = ((const int *)a.singles)[blockIdx.x];
    const float *partials = (const float *)a.partials
        + ((unsigned long long)blockIdx.x * a.runs * a.heads + blockIdx.y) * (size + 2);
    unsigned long long stride = (unsigned long long)a.heads * (size + 2);
    float greatest = MINUS_INFINITY;
    for (int run = 0; run < a.runs; run++) greatest = fmaxf(greatest, partials[run * stride]);
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        float sum = 0.0f, result = 0.0f;
        for (int run = 0; run < a.runs; run++) {
            const float *partial = partials + run * stride;
            if (partial[1] == 0.0f) continue;  // saw nothing, and wrote no values
            float factor = expf(partial[0] - greatest);
            sum += partial[1] * factor;
            result += partial[2 + i] * factor;
        }
        ((float *)a.output)[((unsigned long long)row * a.heads + blockIdx.y) * size + i] = result / sum;
    }
}

// Attention with an online softmax (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135).
//
// A tile of 32 queries meets 32 tokens at a time; 128 threads, four for each query. Blocks of tokens begin at multiples of 32, and
// a block that a query does not see changes nothing of its sums: no bit depends on the rows beside it.

// In shared memory, each row one float longer than a head, so that rows begin in different banks.
struct AttentionTile {
    float *queries, *keys, *values, *outputs, *scores;
    int stride;

    __device__ AttentionTile(float *memory, int headSize) {
        stride = headSize + 1;
        queries = memory;
        keys = queries + KERNEL_QUERY_TILE * stride;
        values = keys + KERNEL_QUERY_TILE * stride;
        outputs = values + KERNEL_QUERY_TILE * stride;
        scores = outputs + KERNEL_QUERY_TILE * stride;  // [32][33]
    }
};

// Of the four threads that share a query, the same result for all.
static __device__ inline float maximum_of_four(float value) {
    value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, 1));
    return fmaxf(value, __shfl_xor_sync(0xFFFFFFFFu, value, 2));
}

static __device__ inline float sum_of_four(float value) {
    value += __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    return value + __shfl_xor_sync(0xFFFFFFFFu, value, 2);
}

// `Source`: count of queries; query(q, i), key(t, i), value(t, i); start(q) ..< end(q), the tokens that query q sees; first ..< last,
// those that any sees; write(q, i, value).
template <class Source> static __device__ inline void attend_tile(const Source &source, int headSize, float scale) {
    SHARED_FLOATS(memory);
    const int size = KERNEL_QUERY_TILE;
    AttentionTile tile(memory, headSize);
    int q = threadIdx.x / 4, part = threadIdx.x % 4;
    for (int i = threadIdx.x; i < size * headSize; i += blockDim.x) {
        int row = i / headSize, column = i % headSize;
        tile.queries[row * tile.stride + column] = row < source.count ? source.query(row, column) * scale : 0.0f;
        tile.outputs[row * tile.stride + column] = 0.0f;
    }
    int start = q < source.count ? source.start(q) : 0, end = q < source.count ? source.end(q) : 0;
    float greatest = MINUS_INFINITY, sum = 0.0f;
    for (int block = source.first / size * size; block < source.last; block += size) {
        __syncthreads();
        for (int i = threadIdx.x; i < size * headSize; i += blockDim.x) {
            int row = i / headSize, column = i % headSize, token = block + row;
            bool there = token >= source.first && token < source.last;
            tile.keys[row * tile.stride + column] = there ? source.key(token, column) : 0.0f;
            tile.values[row * tile.stride + column] = there ? source.value(token, column) : 0.0f;
        }
        __syncthreads();
        const float *query = tile.queries + q * tile.stride;
        float *scores = tile.scores + q * (size + 1);
        float best = MINUS_INFINITY;
        for (int t = part; t < size; t += 4) {
            const float *key = tile.keys + t * tile.stride;
            float score = 0.0f;
            for (int i = 0; i < headSize; i++) score += query[i] * key[i];
            if (block + t < start || block + t >= end) score = MINUS_INFINITY;
            scores[t] = score;
            best = fmaxf(best, score);
        }
        float now = fmaxf(greatest, maximum_of_four(best));
        float part_sum = 0.0f;
        for (int t = part; t < size; t += 4) {
            // Nothing seen yet: −∞ less −∞ would be no number.
            float weight = scores[t] == MINUS_INFINITY ? 0.0f : expf(scores[t] - now);
            scores[t] = weight;
            part_sum += weight;
        }
        float kept = greatest == now ? 1.0f : expf(greatest - now);
        sum = sum * kept + sum_of_four(part_sum);
        greatest = now;
        __syncthreads();
        for (int i = part; i < headSize; i += 4) {
            float result = tile.outputs[q * tile.stride + i] * kept;
            for (int t = 0; t < size; t++) result += scores[t] * tile.values[t * tile.stride + i];
            tile.outputs[q * tile.stride + i] = result;
        }
    }
    __syncthreads();
    if (q >= source.count) return;
    for (int i = part; i < headSize; i += 4) source.write(q, i, tile.outputs[q * tile.stride + i] / sum);
}

struct SegmentSource {
    const float *rows;
    float *output;
    int count, first, last, firstRow, firstOutput, width, column, headSize;

    __device__ float at(int row, int part, int i) const {
        return rows[(unsigned long long)row * 3 * width + part * width + column + i];
    }
    __device__ float query(int q, int i) const { return at(firstRow + q, 0, i); }
    // Tokens count from the start of the segment.
    __device__ float key(int token, int i) const { return at(segment + token, 1, i); }
    __device__ float value(int token, int i) const { return at(segment + token, 2, i); }
    __device__ int start(int) const { return 0; }
    __device__ int end(int) const { return last; }
    __device__ void write(int q, int i, float value) const {
        output[(unsigned long long)(firstOutput + q) * width + column + i] = value;
    }
    int segment;
};

// Grid: tiles × heads.
KERNEL(attend_segments)(attend_segments_arguments a) {
    const int *tile = (const int *)a.tiles + 4 * blockIdx.x;
    SegmentSource source;
    source.rows = (const float *)a.rowsAddress;
    source.output = (float *)a.output;
    source.count = tile[1];
    source.first = 0;
    source.last = tile[3] - tile[2];
    source.firstRow = tile[0];
    source.firstOutput = tile[0] - a.firstQuery;
    source.width = a.heads * a.headSize;
    source.column = blockIdx.y * a.headSize;
    source.headSize = a.headSize;
    source.segment = tile[2];
    attend_tile(source, a.headSize, a.scale);
}

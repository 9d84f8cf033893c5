// Rows that are looked up, moved and added. One thread a value, in strides of the grid.

static __device__ inline unsigned long long first_value() {
    return (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ inline unsigned long long value_stride() { return (unsigned long long)gridDim.x * blockDim.x; }

KERNEL(embed_rows)(embed_rows_arguments a) {
    unsigned long long count = (unsigned long long)a.rows * a.width;
    for (unsigned long long i = first_value(); i < count; i += value_stride()) {
        unsigned long long row = ((const int *)a.ids)[i / a.width];
        ((float *)a.output)[i] = load(a.table, row * a.width + i % a.width, a.tableType);
    }
}

KERNEL(gather_rows)(gather_rows_arguments a) {
    unsigned long long count = (unsigned long long)a.rows * a.width;
    for (unsigned long long i = first_value(); i < count; i += value_stride()) {
        unsigned long long row = ((const int *)a.indices)[i / a.width];
        ((float *)a.output)[i] = ((const float *)a.input)[row * a.width + i % a.width];
    }
}

KERNEL(scatter_rows)(scatter_rows_arguments a) {
    unsigned long long count = (unsigned long long)a.rows * a.width;
    for (unsigned long long i = first_value(); i < count; i += value_stride()) {
        unsigned long long row = ((const int *)a.indices)[i / a.width];
        float *target = (float *)a.target + row * a.width + i % a.width;
        float value = ((const float *)a.source)[i];
        *target = a.adds ? *target + value : value;
    }
}

KERNEL(add_rows)(add_rows_arguments a) {
    unsigned long long count = (unsigned long long)a.rows * a.width;
    for (unsigned long long i = first_value(); i < count; i += value_stride()) {
        unsigned long long row = i / a.width % a.tableRows;
        ((float *)a.target)[i] += load(a.table, row * a.width + i % a.width, a.tableType);
    }
}

KERNEL(scale_values)(scale_values_arguments a) {
    for (unsigned long long i = first_value(); i < a.count; i += value_stride()) ((float *)a.target)[i] *= a.factor;
}

KERNEL(round_values)(round_values_arguments a) {
    for (unsigned long long i = first_value(); i < a.count; i += value_stride()) {
        ((brain_bits *)a.output)[i] = round_to_brain(((const float *)a.input)[i]);
    }
}

KERNEL(activate_values)(activate_values_arguments a) {
    for (unsigned long long i = first_value(); i < a.count; i += value_stride()) {
        float *value = (float *)a.target + i;
        *value = activate(*value, a.activation);
    }
}

KERNEL(gate_rows)(gate_rows_arguments a) {
    unsigned long long count = (unsigned long long)a.rows * a.width;
    for (unsigned long long i = first_value(); i < count; i += value_stride()) {
        const float *row = (const float *)a.input + i / a.width * 2 * a.width + i % a.width;
        store(a.output, i, a.outputType, activate(row[0], a.activation) * row[a.width]);
    }
}

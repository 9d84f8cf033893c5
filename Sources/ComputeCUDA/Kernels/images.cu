// Rows out of pictures, and fewer rows out of many.

// [frames, channels, height, width] → [frames × (height / size) × (width / size), channels × size²].
KERNEL(cut_patches)(cut_patches_arguments a) {
    unsigned long long length = (unsigned long long)a.channels * a.size * a.size;
    int down = a.height / a.size, across = a.width / a.size;
    for (unsigned long long i = first_value(); i < a.count; i += value_stride()) {
        unsigned long long patch = i / length, inside = i % length;
        unsigned long long x = patch % across * a.size + inside % a.size;
        unsigned long long y = patch / across % down * a.size + inside / a.size % a.size;
        unsigned long long plane = patch / across / down * a.channels + inside / a.size / a.size;
        ((float *)a.output)[i] = ((const float *)a.frames)[(plane * a.height + y) * a.width + x];
    }
}

// [frames × grid², width] → [frames × (grid / factor)², width × factor²], cells of a fold ordered (dy, dx).
KERNEL(fold_pixels)(fold_pixels_arguments a) {
    unsigned long long length = (unsigned long long)a.width * a.factor * a.factor;
    int side = a.grid / a.factor;
    for (unsigned long long i = first_value(); i < a.count; i += value_stride()) {
        unsigned long long row = i / length, cell = i % length / a.width, channel = i % a.width;
        unsigned long long y = row / side % side * a.factor + cell / a.factor;
        unsigned long long x = row % side * a.factor + cell % a.factor;
        unsigned long long frame = row / side / side;
        ((float *)a.output)[i] = ((const float *)a.input)[((frame * a.grid + y) * a.grid + x) * a.width + channel];
    }
}

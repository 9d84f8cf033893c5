// The driver's functions over the process's memory. One device, one context; calls may come from any thread, one at a time.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "EmulatedCUDA.h"
#include "kernels.h"

namespace {
enum Status { ok = 0, invalid_value = 1, out_of_memory = 2, invalid_context = 201, not_found = 500, illegal_address = 700 };
enum { guard_bytes = 256, most_allocations = 4096, most_work = 1 << 16 };

// A list that needs no library of C++.
template <class T, int capacity> struct List {
    T items[capacity];
    int count = 0;
    void add(const T &item) {
        if (count == capacity) abort();
        items[count++] = item;
    }
    void remove(int index) { items[index] = items[--count]; }
};

struct Allocation {
    char *memory;  // the guard zone before it included
    size_t bytes;
    bool isDevice;
    uintptr_t address() const { return (uintptr_t)memory + guard_bytes; }
    bool holds(uintptr_t first, size_t count) const {
        return first >= address() && first + count <= address() + bytes;
    }
};

struct Work {
    enum Kind { launch, copy, record, call } kind;
    void *stream, *event;
    const EmulatedKernel *kernel;
    unsigned char arguments[512];
    unsigned grid[3], block[3], sharedBytes;
    void *to;
    const void *from;
    size_t bytes;
    void (*run)(const void *arguments);
};

struct Handle { int kind; bool done; int sharedLimit; const EmulatedKernel *kernel; };
enum { a_stream = 1, an_event, a_module, a_function };

pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
List<Allocation, most_allocations> allocations;
List<Work, most_work> *pending;
int handles, contexts, launches, failingAllocation;
struct Count { const char *name; int launches; };
List<Count, 64> counts;
bool lost;
char faultText[256];
__thread bool isCurrent;

void wrong(const char *text, const char *detail = "") {
    if (!faultText[0]) snprintf(faultText, sizeof faultText, "%s%s%s", text, detail[0] ? ": " : "", detail);
}

// Holds the emulation for the length of a call.
struct Turn {
    Turn() { pthread_mutex_lock(&turn); }
    ~Turn() { pthread_mutex_unlock(&turn); }
};

int entered(const char *call) {
    if (!isCurrent) {
        wrong("a call without a current context", call);
        return invalid_context;
    }
    return lost ? illegal_address : ok;
}

const Allocation *holder(uintptr_t address, size_t bytes, bool isDevice) {
    for (int i = 0; i < allocations.count; i++) {
        if (allocations.items[i].isDevice == isDevice && allocations.items[i].holds(address, bytes)) {
            return &allocations.items[i];
        }
    }
    return nullptr;
}

int allocate(uintptr_t *address, size_t bytes, bool isDevice) {
    if (bytes == 0) return invalid_value;
    Allocation made = {(char *)aligned_alloc(256, (bytes + 2 * guard_bytes + 255) / 256 * 256), bytes, isDevice};
    memset(made.memory, 0x5A, guard_bytes);
    memset(made.memory + guard_bytes, 0xFF, bytes);  // no numbers
    memset(made.memory + guard_bytes + bytes, 0x5A, guard_bytes);
    allocations.add(made);
    *address = made.address();
    return ok;
}

void perform(const Work &work) {
    switch (work.kind) {
    case Work::copy: memcpy(work.to, work.from, work.bytes); break;
    case Work::record: ((Handle *)work.event)->done = true; break;
    case Work::call: work.run(work.arguments); break;
    case Work::launch: {
        const char *fault = emulated_run(work.kernel, work.arguments, work.grid, work.block, work.sharedBytes);
        if (fault) wrong(fault, work.kernel->name);
        break;
    }
    }
}

// Does what waits in a stream, in its order.
void finish(void *stream) {
    if (!pending) return;
    int kept = 0;
    for (int i = 0; i < pending->count; i++) {
        Work work = pending->items[i];
        if (work.stream == stream) perform(work);
        else pending->items[kept++] = work;
    }
    pending->count = kept;
}

void queue(const Work &work) {
    if (!pending) pending = new List<Work, most_work>;
    pending->add(work);
}

int release(uintptr_t address, bool isDevice, const char *call) {
    for (int i = 0; i < allocations.count; i++) {
        Allocation &found = allocations.items[i];
        if (found.address() != address || found.isDevice != isDevice) continue;
        for (int w = 0; pending && w < pending->count; w++) {
            const Work &work = pending->items[w];
            if (work.kind == Work::copy
                && (found.holds((uintptr_t)work.to, 1) || found.holds((uintptr_t)work.from, 1))) {
                wrong("memory freed under a copy that waits", call);
            }
        }
        for (int g = 0; g < guard_bytes; g++) {
            if (found.memory[g] != 0x5A || found.memory[guard_bytes + found.bytes + g] != 0x5A) {
                wrong("a write beside an allocation", call);
                break;
            }
        }
        free(found.memory);
        allocations.remove(i);
        return ok;
    }
    wrong("memory freed that is not allocated", call);
    return invalid_value;
}

void *make(int kind) {
    handles++;
    return new Handle{kind, false, 48 << 10, nullptr};
}

int destroy(void *handle, int kind, const char *call) {
    if (((Handle *)handle)->kind != kind) {
        wrong("a handle of another kind", call);
        return invalid_value;
    }
    handles--;
    delete (Handle *)handle;
    return ok;
}

// MARK: The driver's functions

int start(unsigned) { return ok; }
int driver_version(int *version) { *version = 13000; return ok; }
int error_name(int error, const char **name) {
    *name = error == out_of_memory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_EMULATED";
    return ok;
}
int error_text(int, const char **text) { *text = "an error of the emulation"; return ok; }
int device_count(int *count) { *count = 1; return ok; }
int device_get(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? ok : 101; }
int device_name(char *name, int length, int) { snprintf(name, (size_t)length, "Emulated GPU"); return ok; }
int device_uuid(unsigned char *uuid, int) { for (int i = 0; i < 16; i++) uuid[i] = (unsigned char)i; return ok; }
int device_memory(size_t *bytes, int) { *bytes = (size_t)80 << 30; return ok; }
int device_attribute(int *value, int attribute, int) {
    *value = attribute == 16 ? 132 : attribute == 38 ? 50 << 20 : attribute == 75 ? 9 : attribute == 97 ? 227 << 10 : 0;
    return ok;
}
int retain_context(void **context, int) { Turn held; contexts++; *context = &contexts; return ok; }
int release_context(int) { Turn held; contexts--; return ok; }
int set_context(void *context) { isCurrent = context == &contexts; return ok; }

int memory_info(size_t *free, size_t *total) {
    *free = (size_t)70 << 30;
    *total = (size_t)80 << 30;
    return entered("cuMemGetInfo");
}

int memory_allocate(uint64_t *address, size_t bytes) {
    Turn held;
    if (int status = entered("cuMemAlloc")) return status;
    if (failingAllocation > 0 && --failingAllocation == 0) return out_of_memory;
    uintptr_t made = 0;
    int status = allocate(&made, bytes, true);
    *address = made;
    return status;
}
int memory_free(uint64_t address) {
    Turn held;
    if (!isCurrent) wrong("a call without a current context", "cuMemFree");
    return release((uintptr_t)address, true, "cuMemFree");
}
int host_allocate(void **address, size_t bytes, unsigned) {
    Turn held;
    if (int status = entered("cuMemHostAlloc")) return status;
    uintptr_t made = 0;
    int status = allocate(&made, bytes, false);
    *address = (void *)made;
    return status;
}
int host_free(void *address) { Turn held; return release((uintptr_t)address, false, "cuMemFreeHost"); }

int copy_to_device(uint64_t to, const void *from, size_t bytes, void *stream) {
    Turn held;
    if (int status = entered("cuMemcpyHtoDAsync")) return status;
    if (!holder((uintptr_t)to, bytes, true)) wrong("a copy to what is no memory of the device");
    if (!holder((uintptr_t)from, bytes, false)) wrong("a copy that is no copy from pinned memory");
    queue({.kind = Work::copy, .stream = stream, .to = (void *)to, .from = from, .bytes = bytes});
    return ok;
}
int copy_from_device(void *to, uint64_t from, size_t bytes, void *stream) {
    Turn held;
    if (int status = entered("cuMemcpyDtoHAsync")) return status;
    if (!holder((uintptr_t)from, bytes, true)) wrong("a copy from what is no memory of the device");
    if (!holder((uintptr_t)to, bytes, false)) wrong("a copy that is no copy to pinned memory");
    queue({.kind = Work::copy, .stream = stream, .to = to, .from = (void *)from, .bytes = bytes});
    return ok;
}

int stream_make(void **stream, unsigned, int) { Turn held; *stream = make(a_stream); return entered("cuStreamCreate"); }
int stream_end(void *stream) { Turn held; finish(stream); return destroy(stream, a_stream, "cuStreamDestroy"); }
int stream_wait(void *stream) {
    Turn held;
    if (int status = entered("cuStreamSynchronize")) return status;
    finish(stream);
    return ok;
}
int event_make(void **event, unsigned) { Turn held; *event = make(an_event); return entered("cuEventCreate"); }
int event_end(void *event) { Turn held; return destroy(event, an_event, "cuEventDestroy"); }
int event_record(void *event, void *stream) {
    Turn held;
    if (int status = entered("cuEventRecord")) return status;
    ((Handle *)event)->done = false;
    queue({.kind = Work::record, .stream = stream, .event = event});
    return ok;
}
int event_wait(void *event) {
    Turn held;
    if (int status = entered("cuEventSynchronize")) return status;
    for (int i = 0; pending && i < pending->count; i++) {
        if (pending->items[i].kind == Work::record && pending->items[i].event == event) {
            finish(pending->items[i].stream);
            return ok;
        }
    }
    return ok;
}

int module_load(void **module, const void *image) {
    Turn held;
    if (int status = entered("cuModuleLoadData")) return status;
    if (memcmp(image, "EMULATED", 8) != 0) return 200;
    *module = make(a_module);
    return ok;
}
int module_unload(void *module) { Turn held; return destroy(module, a_module, "cuModuleUnload"); }
int module_function(void **function, void *, const char *name) {
    static Handle functions[64];
    static int count;
    Turn held;
    const EmulatedKernel *kernel = emulated_kernel(name);
    if (!kernel) return not_found;
    for (int i = 0; i < count; i++) {
        if (functions[i].kernel == kernel) { *function = &functions[i]; return ok; }
    }
    functions[count] = {a_function, false, 48 << 10, kernel};
    *function = &functions[count++];
    return ok;
}
int function_set(void *function, int attribute, int value) {
    Turn held;
    if (attribute != 8 || value > 227 << 10) return invalid_value;
    ((Handle *)function)->sharedLimit = value;
    return ok;
}

int launch(
    void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
    unsigned sharedBytes, void *stream, void **, void **extra) {
    Turn held;
    if (int status = entered("cuLaunchKernel")) return status;
    const Handle *known = (const Handle *)function;
    if (known->kind != a_function || !extra || extra[0] != (void *)1 || extra[2] != (void *)2 || extra[4] != nullptr) {
        wrong("a launch without a block of arguments");
        return invalid_value;
    }
    Work work = {.kind = Work::launch, .stream = stream, .kernel = known->kernel};
    size_t bytes = *(size_t *)extra[3];
    if (bytes != work.kernel->argumentBytes || bytes > sizeof work.arguments) {
        wrong("arguments of a wrong size", work.kernel->name);
        return invalid_value;
    }
    if (sharedBytes > (unsigned)known->sharedLimit || gridX == 0 || gridY == 0 || gridZ == 0 || gridY > 65535
        || gridZ > 65535) {
        wrong("a launch that no device takes", work.kernel->name);
        return invalid_value;
    }
    memcpy(work.arguments, extra[1], bytes);
    unsigned sizes[] = {gridX, gridY, gridZ, blockX, blockY, blockZ};
    memcpy(work.grid, sizes, sizeof work.grid);
    memcpy(work.block, sizes + 3, sizeof work.block);
    work.sharedBytes = sharedBytes;
    queue(work);
    launches++;
    for (int i = 0; i < counts.count; i++) {
        if (counts.items[i].name == work.kernel->name) { counts.items[i].launches++; return ok; }
    }
    counts.add({work.kernel->name, 1});
    return ok;
}

struct Function { const char *name; void *address; };
const Function functions[] = {
    {"cuInit", (void *)start}, {"cuDriverGetVersion", (void *)driver_version}, {"cuGetErrorName", (void *)error_name},
    {"cuGetErrorString", (void *)error_text}, {"cuDeviceGetCount", (void *)device_count},
    {"cuDeviceGet", (void *)device_get}, {"cuDeviceGetName", (void *)device_name},
    {"cuDeviceGetAttribute", (void *)device_attribute}, {"cuDeviceGetUuid_v2", (void *)device_uuid},
    {"cuDeviceTotalMem_v2", (void *)device_memory}, {"cuDevicePrimaryCtxRetain", (void *)retain_context},
    {"cuDevicePrimaryCtxRelease_v2", (void *)release_context}, {"cuCtxSetCurrent", (void *)set_context},
    {"cuMemGetInfo_v2", (void *)memory_info}, {"cuMemAlloc_v2", (void *)memory_allocate},
    {"cuMemFree_v2", (void *)memory_free}, {"cuMemHostAlloc", (void *)host_allocate},
    {"cuMemFreeHost", (void *)host_free}, {"cuMemcpyHtoDAsync_v2", (void *)copy_to_device},
    {"cuMemcpyDtoHAsync_v2", (void *)copy_from_device}, {"cuStreamCreateWithPriority", (void *)stream_make},
    {"cuStreamDestroy_v2", (void *)stream_end}, {"cuStreamSynchronize", (void *)stream_wait},
    {"cuEventCreate", (void *)event_make}, {"cuEventDestroy_v2", (void *)event_end},
    {"cuEventRecord", (void *)event_record}, {"cuEventSynchronize", (void *)event_wait},
    {"cuModuleLoadData", (void *)module_load}, {"cuModuleUnload", (void *)module_unload},
    {"cuModuleGetFunction", (void *)module_function}, {"cuFuncSetAttribute", (void *)function_set},
    {"cuLaunchKernel", (void *)launch},
};
}  // namespace

void *emulated_cuda_symbol(const char *name) {
    for (const Function &function : functions) {
        if (strcmp(function.name, name) == 0) return function.address;
    }
    return emulated_lt_symbol(name);
}

void emulated_enqueue(void *stream, void (*run)(const void *arguments), const void *arguments, size_t bytes) {
    Turn held;
    Work work = {.kind = Work::call, .stream = stream};
    work.run = run;
    if (bytes > sizeof work.arguments) abort();
    memcpy(work.arguments, arguments, bytes);
    queue(work);
}

bool emulated_is_device_memory(unsigned long long address, size_t bytes) {
    Turn held;
    return holder((uintptr_t)address, bytes, true) != nullptr;
}

void emulated_fault(const char *text) { Turn held; wrong(text); }

const char *emulated_cuda_fault(void) { return faultText[0] ? faultText : nullptr; }

int emulated_cuda_leaks(void) { Turn held; return allocations.count + handles + contexts + emulated_lt_handles(); }

int emulated_cuda_launches(const char *kernel) {
    Turn held;
    if (!kernel) return launches;
    for (int i = 0; i < counts.count; i++) {
        if (strcmp(counts.items[i].name, kernel) == 0) return counts.items[i].launches;
    }
    return 0;
}

void emulated_cuda_fail_allocation(int nth) { Turn held; failingAllocation = nth; }
void emulated_cuda_lose_device(void) { Turn held; lost = true; }

void emulated_cuda_reset(void) {
    Turn held;
    faultText[0] = 0;
    launches = counts.count = failingAllocation = 0;
    lost = false;
    emulated_lt_reset();
}

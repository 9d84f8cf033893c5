// Docent's kernels as C++, and a scheduler that runs a block's threads in turns on one thread of the system.
#include "kernels.h"

#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>

#include "emulation.h"

Dimensions threadIdx, blockIdx, blockDim, gridDim;

namespace {
namespace sources {
#define DOCENT_EMULATED
#include "../../Sources/CCUDA/include/kernel_arguments.h"
#include "../../Sources/ComputeCUDA/Kernels/prelude.h"
#include "../../Sources/ComputeCUDA/Kernels/rows.cu"
#include "../../Sources/ComputeCUDA/Kernels/norms.cu"
#include "../../Sources/ComputeCUDA/Kernels/linear.cu"
#include "../../Sources/ComputeCUDA/Kernels/attention.cu"
#include "../../Sources/ComputeCUDA/Kernels/paged.cu"
#include "../../Sources/ComputeCUDA/Kernels/images.cu"
}  // namespace sources
using namespace sources;

// `waits`: its threads meet at barriers or exchange values, so that each needs a stack of its own.
#define ENTRY(name, arguments, waits) \
    {#name, sizeof(arguments), waits, [](const void *block) { \
         arguments own; \
         memcpy(&own, block, sizeof own); \
         name(own); \
     }}

const EmulatedKernel kernels[] = {
    ENTRY(embed_rows, embed_rows_arguments, false),
    ENTRY(gather_rows, gather_rows_arguments, false),
    ENTRY(scatter_rows, scatter_rows_arguments, false),
    ENTRY(add_rows, add_rows_arguments, false),
    ENTRY(scale_values, scale_values_arguments, false),
    ENTRY(round_values, round_values_arguments, false),
    ENTRY(activate_values, activate_values_arguments, false),
    ENTRY(gate_rows, gate_rows_arguments, false),
    ENTRY(rms_norm_rows, norm_rows_arguments, true),
    ENTRY(layer_norm_rows, norm_rows_arguments, true),
    ENTRY(rms_norm_heads, norm_heads_arguments, true),
    ENTRY(rotate_heads, rotate_heads_arguments, false),
    ENTRY(multiply_one_f32, multiply_arguments, true),
    ENTRY(multiply_one_f16, multiply_arguments, true),
    ENTRY(multiply_one_bf16, multiply_arguments, true),
    ENTRY(multiply_four_f32, multiply_arguments, true),
    ENTRY(multiply_four_f16, multiply_arguments, true),
    ENTRY(multiply_four_bf16, multiply_arguments, true),
    ENTRY(multiply_tiles_f32, multiply_arguments, true),
    ENTRY(multiply_tiles_f16, multiply_arguments, true),
    ENTRY(multiply_tiles_bf16, multiply_arguments, true),
    ENTRY(attend_segments, attend_segments_arguments, true),
    ENTRY(store_step, store_step_arguments, false),
    ENTRY(attend_pages, attend_pages_arguments, true),
    ENTRY(attend_runs, attend_runs_arguments, true),
    ENTRY(join_runs, attend_runs_arguments, false),
    ENTRY(cut_patches, cut_patches_arguments, false),
    ENTRY(fold_pixels, fold_pixels_arguments, false),
};

// MARK: The threads of a block

enum { most_threads = 256, stack_bytes = 64 << 10 };
enum State { running, at_barrier, at_exchange, ended };

struct Fibre {
    ucontext_t start;
    jmp_buf place;
    char *stack;
    State state;
    bool begun;
    float given, received;
    int mask;
};

Fibre fibres[most_threads];
jmp_buf scheduler;
int current = -1;
const EmulatedKernel *kernel;
const void *kernel_arguments;
float *shared_memory;
const char *fault;

// The first entry to a stack is by ucontext, all switches after that by jumps: those make no system call.
void body() {
    kernel->run(kernel_arguments);
    fibres[current].state = ended;
    _longjmp(scheduler, 1);
}

void give_way(State state) {
    if (current < 0) {
        fault = "a kernel listed as one whose threads do not wait has a barrier";
        return;
    }
    Fibre &own = fibres[current];
    own.state = state;
    if (_setjmp(own.place) == 0) _longjmp(scheduler, 1);
}

void resume(int index) {
    Fibre &fibre = fibres[index];
    current = index;
    threadIdx.x = (unsigned)index;
    fibre.state = running;
    if (_setjmp(scheduler) == 0) {
        if (fibre.begun) _longjmp(fibre.place, 1);
        fibre.begun = true;
        setcontext(&fibre.start);
    }
    current = -1;
}

// Lets the warps in which every lane waits to exchange do so; true when there was one.
bool exchange(int threads) {
    bool any = false;
    for (int first = 0; first < threads; first += 32) {
        int waiting = 0, alive = 0;
        for (int lane = first; lane < first + 32 && lane < threads; lane++) {
            waiting += fibres[lane].state == at_exchange;
            alive += fibres[lane].state != ended;
        }
        if (waiting == 0 || waiting < alive) continue;
        if (alive < 32) fault = "lanes exchange values with lanes that have ended";
        for (int lane = first; lane < first + 32 && lane < threads; lane++) {
            int other = first + ((lane - first) ^ fibres[lane].mask);
            fibres[lane].received = other < threads ? fibres[other].given : NAN;
        }
        for (int lane = first; lane < first + 32 && lane < threads; lane++) {
            if (fibres[lane].state == at_exchange) resume(lane);
        }
        any = true;
    }
    return any;
}

void run_waiting_block(int threads) {
    for (int i = 0; i < threads; i++) {
        Fibre &fibre = fibres[i];
        if (!fibre.stack) fibre.stack = (char *)malloc(stack_bytes);
        fibre.begun = false;
        getcontext(&fibre.start);
        fibre.start.uc_stack.ss_sp = fibre.stack;
        fibre.start.uc_stack.ss_size = stack_bytes;
        fibre.start.uc_link = nullptr;
        makecontext(&fibre.start, body, 0);
    }
    for (int i = 0; i < threads; i++) resume(i);
    while (true) {
        if (exchange(threads)) continue;
        int waiting = 0, alive = 0;
        for (int i = 0; i < threads; i++) {
            waiting += fibres[i].state == at_barrier;
            alive += fibres[i].state != ended;
        }
        if (alive == 0) return;
        if (waiting != alive || alive != threads) {
            fault = "some threads of a block wait at a barrier and others never come";
            return;
        }
        for (int i = 0; i < threads; i++) resume(i);
    }
}
}  // namespace

void emulated_barrier(void) { give_way(at_barrier); }

float emulated_exchange(float value, int mask) {
    int own = current;
    if (own >= 0) {
        fibres[own].given = value;
        fibres[own].mask = mask;
    }
    give_way(at_exchange);
    return own >= 0 ? fibres[own].received : value;
}

float *emulated_shared_memory(void) { return shared_memory; }

const EmulatedKernel *emulated_kernel(const char *name) {
    for (const EmulatedKernel &kernel : kernels) {
        if (strcmp(kernel.name, name) == 0) return &kernel;
    }
    return nullptr;
}

const char *emulated_run(
    const EmulatedKernel *wanted, const void *arguments, const unsigned grid[3], const unsigned block[3],
    unsigned sharedBytes) {
    if (block[1] != 1 || block[2] != 1 || block[0] == 0 || block[0] > most_threads) return "a block of a wrong size";
    if (wanted->waits && block[0] % 32 != 0) return "a block of broken warps";
    kernel = wanted;
    kernel_arguments = arguments;
    fault = nullptr;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], 1, 1};
    // Behind what was asked for lies a zone that no thread may write to.
    enum { guard = 256 };
    char *memory = (char *)malloc(sharedBytes + guard);
    memset(memory + sharedBytes, 0x5A, guard);
    shared_memory = (float *)memory;
    for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++) {
        for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++) {
            for (blockIdx.x = 0; blockIdx.x < grid[0] && !fault; blockIdx.x++) {
                memset(memory, 0xFF, sharedBytes);  // no numbers
                threadIdx = {0, 0, 0};
                if (wanted->waits) {
                    run_waiting_block((int)block[0]);
                } else {
                    for (threadIdx.x = 0; threadIdx.x < block[0]; threadIdx.x++) wanted->run(arguments);
                }
            }
        }
    }
    for (int i = 0; i < guard && !fault; i++) {
        if (memory[sharedBytes + i] != 0x5A) fault = "a write beyond the shared memory that was asked for";
    }
    free(memory);
    return fault;
}

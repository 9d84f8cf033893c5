// A pool for one caller: jobs of numbered parts, microseconds apart.
//
// Workers spin for a bounded time between jobs and then block, so that a chain of operations costs no system calls
// and an idle process costs nothing. A worker that the system has put aside never holds up a job: whoever is awake
// takes the parts, and the caller alone can finish.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CKernels.h"

/// How long a worker without a job and a caller without a part stay awake.
enum { spin_nanoseconds = 200000, pauses_between_clock_reads = 64 };

/// Job number in the upper half, parts not yet taken in the lower: a part is taken by one compare-and-swap that fails
/// if the job has ended meanwhile, so whoever succeeds may read the job's other fields until it reports the part done.
typedef _Atomic(uint64_t) ticket;
static const uint64_t parts_mask = 0xffffffff;

struct docent_pool {
    ticket parts_left;
    _Atomic(int64_t) parts_done;
    _Atomic(int32_t) sleeping_workers;
    _Atomic(bool) caller_sleeps, stopping;
    int64_t parts;
    docent_part part;
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t job_posted, job_done;
    int32_t workers;
    struct worker {
        docent_pool *pool;
        pthread_t thread;
        int32_t index;
    } worker[];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool has_parts(docent_pool *pool) { return (atomic_load(&pool->parts_left) & parts_mask) != 0; }

/// Runs parts of the current job until none is left to take.
static void work(docent_pool *pool, int32_t thread) {
    uint64_t seen = atomic_load(&pool->parts_left);
    while (seen & parts_mask) {
        if (!atomic_compare_exchange_weak(&pool->parts_left, &seen, seen - 1)) continue;
        int64_t parts = pool->parts;
        pool->part(pool->context, parts - (int64_t)(seen & parts_mask), thread);
        if (atomic_fetch_add(&pool->parts_done, 1) + 1 == parts && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->job_done);
            pthread_mutex_unlock(&pool->mutex);
        }
        seen = atomic_load(&pool->parts_left);
    }
}

static bool ready(docent_pool *pool) { return has_parts(pool) || atomic_load(&pool->stopping); }

static void wait_for_job(docent_pool *pool) {
    int64_t deadline = now() + spin_nanoseconds;
    do {
        for (int i = 0; i < pauses_between_clock_reads; i++) {
            if (ready(pool)) return;
            relax();
        }
    } while (now() < deadline);
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping_workers, 1);
    while (!ready(pool)) pthread_cond_wait(&pool->job_posted, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping_workers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *run_worker(void *argument) {
    struct worker *worker = argument;
    docent_pool *pool = worker->pool;
    while (!atomic_load(&pool->stopping)) {
        wait_for_job(pool);
        work(pool, worker->index);
    }
    return NULL;
}

static void wait_for_parts(docent_pool *pool) {
    int64_t deadline = now() + spin_nanoseconds;
    do {
        for (int i = 0; i < pauses_between_clock_reads; i++) {
            if (atomic_load(&pool->parts_done) == pool->parts) return;
            relax();
        }
    } while (now() < deadline);
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_sleeps, true);
    while (atomic_load(&pool->parts_done) != pool->parts) pthread_cond_wait(&pool->job_done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

void docent_pool_run(docent_pool *pool, int64_t parts, docent_part part, void *context) {
    if (parts <= 0) return;
    pool->parts = parts;
    pool->part = part;
    pool->context = context;
    atomic_store(&pool->parts_done, 0);
    uint64_t job = (atomic_load(&pool->parts_left) | parts_mask) + 1;
    atomic_store(&pool->parts_left, job | (uint64_t)parts);
    if (atomic_load(&pool->sleeping_workers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->job_posted);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool, 0);
    wait_for_parts(pool);
}

docent_pool *docent_pool_create(int32_t threads) {
    int32_t workers = threads > 1 ? threads - 1 : 0;
    docent_pool *pool = calloc(1, sizeof *pool + (size_t)workers * sizeof(struct worker));
    if (!pool) return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->job_posted, NULL);
    pthread_cond_init(&pool->job_done, NULL);
    for (int32_t i = 0; i < workers; i++) {
        pool->worker[i] = (struct worker){.pool = pool, .index = i + 1};
        if (pthread_create(&pool->worker[i].thread, NULL, run_worker, &pool->worker[i])) {
            docent_pool_destroy(pool);
            return NULL;
        }
        pool->workers++;
    }
    return pool;
}

void docent_pool_destroy(docent_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->job_posted);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 0; i < pool->workers; i++) pthread_join(pool->worker[i].thread, NULL);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->job_posted);
    pthread_cond_destroy(&pool->job_done);
    free(pool);
}

int32_t docent_processors(void) {
#ifdef __linux__
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int32_t)online : 1;
}

#include "CountedCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_llong calls, fatal_call;
static atomic_bool is_torn;

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int trace_file = -1;

static _Noreturn void die(void) {
    for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

// MARK: The trace

/// Held around a call and its record, so that the records have the order of the calls.
static bool begin(void) {
    if (atomic_load(&trace_file) < 0) return false;
    pthread_mutex_lock(&trace_lock);
    return true;
}

static void end(bool traces) {
    if (!traces) return;
    int error = errno;
    pthread_mutex_unlock(&trace_lock);
    errno = error;
}

static void put(const void *bytes, size_t size) {
    // A trace with a gap would accuse the innocent.
    if (syscall(SYS_write, atomic_load(&trace_file), bytes, size) != (long)size) die();
}

__attribute__((format(printf, 1, 2))) static void record(const char *format, ...) {
    char line[8192];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (size < 0 || (size_t)size >= sizeof line) die();
    put(line, (size_t)size);
}

static unsigned long long inode_of(int descriptor) {
    struct stat facts;
    return fstat(descriptor, &facts) == 0 ? facts.st_ino : 0;
}

/// 0 for none.
static unsigned long long inode_at(const char *path) {
    struct stat facts;
    return lstat(path, &facts) == 0 ? facts.st_ino : 0;
}

static void record_write(int descriptor, const void *bytes, long size, off_t offset) {
    if (size <= 0) return;
    record("W %llu %lld %ld\n", inode_of(descriptor), (long long)offset, size);
    put(bytes, (size_t)size);
}

static void record_size(int descriptor) {
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) return;
    record("T %llu %lld\n", (unsigned long long)facts.st_ino, (long long)facts.st_size);
}

// MARK: What the program asks for

void counted_calls_kill_at(int64_t call, bool torn) {
    atomic_store(&fatal_call, call);
    atomic_store(&is_torn, torn);
}

int64_t counted_calls(void) { return atomic_load(&calls); }

void counted_calls_trace(int32_t descriptor) { atomic_store(&trace_file, descriptor); }

void counted_calls_note(int32_t descriptor, const char *line) {
    bool traces = begin();
    if (traces) record("M %s", line);
    syscall(SYS_write, descriptor, line, strlen(line));
    end(traces);
}

static bool is_last(void) {
    long long call = atomic_fetch_add(&calls, 1) + 1;
    return call == atomic_load(&fatal_call);
}

static void count(void) {
    if (is_last()) die();
}

/// How many bytes of a write are to be made; all of them, unless it is the last.
static size_t written(size_t size, bool *dies) {
    *dies = is_last();
    if (!*dies) return size;
    if (!atomic_load(&is_torn) || size < 2) die();
    return size / 2;
}

// MARK: In front of the C library

static int make_or_open(const char *path, int flags, mode_t mode) {
    bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
    if (changes) count();
    bool traces = changes && begin();
    unsigned long long before = traces ? inode_at(path) : 0;
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (traces && descriptor >= 0) {
        if (before == 0) record("N %llu %s\n", inode_of(descriptor), path);
        if (before != 0 && (flags & O_TRUNC)) record_size(descriptor);
    }
    end(traces);
    return descriptor;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & O_CREAT ? (mode_t)va_arg(rest, int) : 0; \
        va_end(rest); \
        return make_or_open(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

ssize_t write(int descriptor, const void *bytes, size_t size) {
    if (descriptor <= STDERR_FILENO) return syscall(SYS_write, descriptor, bytes, size);
    bool dies;
    size_t count = written(size, &dies);
    bool traces = begin();
    ssize_t result = syscall(SYS_write, descriptor, bytes, count);
    if (traces && result > 0) record_write(descriptor, bytes, result, lseek(descriptor, 0, SEEK_CUR) - result);
    if (dies) die();
    end(traces);
    return result;
}

static ssize_t write_at(int descriptor, const void *bytes, size_t size, off_t offset) {
    bool dies;
    size_t count = written(size, &dies);
    bool traces = begin();
    ssize_t result = syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    if (traces) record_write(descriptor, bytes, result, offset);
    if (dies) die();
    end(traces);
    return result;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
    return write_at(descriptor, bytes, size, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off_t offset) {
    return write_at(descriptor, bytes, size, offset);
}

static int truncate_to(int descriptor, off_t size) {
    count();
    bool traces = begin();
    int result = (int)syscall(SYS_ftruncate, descriptor, size);
    if (traces && result == 0) record_size(descriptor);
    end(traces);
    return result;
}

int ftruncate(int descriptor, off_t size) { return truncate_to(descriptor, size); }
int ftruncate64(int descriptor, off_t size) { return truncate_to(descriptor, size); }

static int allocate(int descriptor, off_t offset, off_t size) {
    count();
    bool traces = begin();
    int error = syscall(SYS_fallocate, descriptor, 0, offset, size) == 0 ? 0 : errno;
    if (traces && error == 0) record_size(descriptor);
    end(traces);
    return error;
}

int posix_fallocate(int descriptor, off_t offset, off_t size) { return allocate(descriptor, offset, size); }
int posix_fallocate64(int descriptor, off_t offset, off_t size) { return allocate(descriptor, offset, size); }

static int sync_file(long call, int descriptor) {
    count();
    bool traces = begin();
    int result = (int)syscall(call, descriptor);
    if (traces && result == 0) record("S %llu\n", inode_of(descriptor));
    end(traces);
    return result;
}

int fsync(int descriptor) { return sync_file(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return sync_file(SYS_fdatasync, descriptor); }

int unlink(const char *path) {
    count();
    bool traces = begin();
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (traces && result == 0) record("U %s\n", path);
    end(traces);
    return result;
}

int rename(const char *from, const char *to) {
    count();
    bool traces = begin();
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (traces && result == 0) record("R %llu %s\nF %s\n", inode_at(to), to, from);
    end(traces);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    count();
    bool traces = begin();
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (traces && result == 0) record("D %llu %s\n", inode_at(path), path);
    end(traces);
    return result;
}

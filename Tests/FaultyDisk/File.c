// Reading, writing and locking files of a faulty disk. The locks follow "Locking And Concurrency In SQLite Version 3" and
// the WAL-index locks of sqlite.org/walformat.html, for connections of one process.
#include "File.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    sqlite3_file base;
    faulty_disk *disk;
    int name, file;
    int lock;
    /// Names are to be synced with the bytes: a journal or log that this connection may just have made.
    bool syncs_names;
    bool uses_shared_memory;
    /// Slots of the shared memory that it has locked, as bits.
    uint32_t shared_slots, exclusive_slots;
} open_file;

#define BEGIN(failure) \
    open_file *file = (open_file *)base; \
    faulty_disk *disk = file->disk; \
    int code = SQLITE_OK; \
    pthread_mutex_lock(&disk->mutex); \
    if (disk_fails(disk)) { \
        code = (failure); \
        goto end; \
    }

#define END \
    end: \
    pthread_mutex_unlock(&disk->mutex); \
    return code;

// MARK: Bytes

static int file_read(sqlite3_file *base, void *to, int count, sqlite3_int64 offset) {
    BEGIN(SQLITE_IOERR_READ)
    const buffer *contents = &disk->inodes[file->file].now;
    int64_t there = offset < contents->size ? contents->size - offset : 0;
    if (there > count) there = count;
    if (there > 0) memcpy(to, contents->bytes + offset, (size_t)there);
    if (there < count) {
        memset((char *)to + there, 0, (size_t)(count - there));
        code = SQLITE_IOERR_SHORT_READ;
    }
    END
}

static int file_write(sqlite3_file *base, const void *from, int count, sqlite3_int64 offset) {
    BEGIN(SQLITE_IOERR_WRITE)
    buffer *contents = &disk->inodes[file->file].now;
    int64_t growth = offset + count - contents->size, room = disk_room(disk);
    if (growth > room) {
        int64_t fits = count - (growth - room);
        count = fits > 0 ? (int)fits : 0;
        code = SQLITE_FULL;
    }
    if (count > 0) {
        buffer_write(contents, from, count, offset);
        change change = {.kind = change_write, .file = file->file, .offset = offset};
        buffer_write(&change.data, from, count, 0);
        disk_record(disk, change);
    }
    END
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    BEGIN(SQLITE_IOERR_TRUNCATE)
    buffer_resize(&disk->inodes[file->file].now, size);
    disk_record(disk, (change){.kind = change_truncate, .file = file->file, .offset = size});
    END
}

static int file_sync(sqlite3_file *base, int flags) {
    (void)flags;
    open_file *file = (open_file *)base;
    faulty_disk *disk = file->disk;
    pthread_mutex_lock(&disk->mutex);
    bool fails = disk_fails(disk);
    if (fails) {
        disk_record(disk, (change){.kind = change_failed_sync, .file = file->file});
    } else {
        int lie = file->name == file_database ? faulty_lie_database : faulty_lie_log;
        if (!(disk->lies & lie)) disk_record(disk, (change){.kind = change_sync, .file = file->file});
        if (file->syncs_names && !(disk->lies & faulty_lie_directory)) {
            disk_record(disk, (change){.kind = change_sync_names});
        }
        file->syncs_names = false;
    }
    pthread_mutex_unlock(&disk->mutex);
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
    BEGIN(SQLITE_IOERR_FSTAT)
    *size = disk->inodes[file->file].now.size;
    END
}

// MARK: Locks

static void unlock(open_file *file, int level) {
    faulty_disk *disk = file->disk;
    if (disk->exclusive == file) disk->exclusive = NULL;
    if (disk->pending == file) disk->pending = NULL;
    if (disk->reserved == file) disk->reserved = NULL;
    if (level == SQLITE_LOCK_NONE && file->lock > SQLITE_LOCK_NONE) disk->shared_count--;
    file->lock = level;
}

static int file_lock(sqlite3_file *base, int level) {
    BEGIN(SQLITE_IOERR_LOCK)
    if (file->lock >= level) goto end;
    if (level == SQLITE_LOCK_SHARED) {
        if (disk->exclusive != NULL || disk->pending != NULL) {
            code = SQLITE_BUSY;
            goto end;
        }
        disk->shared_count++;
    } else if (level == SQLITE_LOCK_RESERVED) {
        if (disk->reserved != NULL || disk->pending != NULL) {
            code = SQLITE_BUSY;
            goto end;
        }
        disk->reserved = file;
    } else {
        bool is_anothers = (disk->pending != NULL && disk->pending != file)
            || (disk->reserved != NULL && disk->reserved != file) || disk->exclusive != NULL;
        if (is_anothers) {
            code = SQLITE_BUSY;
            goto end;
        }
        // Waits for the readers, and lets no new ones in.
        disk->pending = file;
        if (disk->shared_count > 1) {
            code = SQLITE_BUSY;
            goto end;
        }
        disk->exclusive = file;
    }
    file->lock = level;
    END
}

/// Never fails: what is unlocked in the course of an error must be.
static int file_unlock(sqlite3_file *base, int level) {
    open_file *file = (open_file *)base;
    pthread_mutex_lock(&file->disk->mutex);
    if (file->lock > level) unlock(file, level);
    pthread_mutex_unlock(&file->disk->mutex);
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *result) {
    *result = 0;
    BEGIN(SQLITE_IOERR_CHECKRESERVEDLOCK)
    *result = disk->reserved != NULL || disk->pending != NULL || disk->exclusive != NULL;
    (void)file;
    END
}

// MARK: Shared memory

static int shared_map(sqlite3_file *base, int region, int size, int extend, void volatile **out) {
    *out = NULL;
    BEGIN(SQLITE_IOERR_SHMMAP)
    if (size != shared_region_size || region >= shared_regions) {
        code = SQLITE_IOERR_SHMSIZE;
        goto end;
    }
    if (!file->uses_shared_memory) {
        file->uses_shared_memory = true;
        disk->shared_memory_users++;
    }
    if (disk->regions[region] == NULL && extend) disk->regions[region] = calloc(1, shared_region_size);
    *out = disk->regions[region];
    END
}

static int shared_lock(sqlite3_file *base, int offset, int count, int flags) {
    open_file *file = (open_file *)base;
    faulty_disk *disk = file->disk;
    int code = SQLITE_OK;
    pthread_mutex_lock(&disk->mutex);
    uint32_t mask = ((1u << count) - 1) << offset;
    if (flags & SQLITE_SHM_UNLOCK) {
        for (int slot = offset; slot < offset + count; slot++) {
            if (file->shared_slots & (1u << slot)) disk->slot_shared[slot]--;
            if (disk->slot_exclusive[slot] == file) disk->slot_exclusive[slot] = NULL;
        }
        file->shared_slots &= ~mask;
        file->exclusive_slots &= ~mask;
    } else if (disk_fails(disk)) {
        code = SQLITE_IOERR_SHMLOCK;
    } else {
        bool is_exclusive = flags & SQLITE_SHM_EXCLUSIVE;
        for (int slot = offset; slot < offset + count; slot++) {
            int others = disk->slot_shared[slot] - ((file->shared_slots >> slot) & 1);
            bool is_taken = disk->slot_exclusive[slot] != NULL && disk->slot_exclusive[slot] != file;
            if (is_taken || (is_exclusive && others > 0)) code = SQLITE_BUSY;
        }
        for (int slot = offset; slot < offset + count && code == SQLITE_OK; slot++) {
            if (is_exclusive) {
                disk->slot_exclusive[slot] = file;
                file->exclusive_slots |= 1u << slot;
            } else if (!(file->shared_slots & (1u << slot))) {
                disk->slot_shared[slot]++;
                file->shared_slots |= 1u << slot;
            }
        }
    }
    pthread_mutex_unlock(&disk->mutex);
    return code;
}

static void shared_barrier(sqlite3_file *base) {
    (void)base;
    __sync_synchronize();
}

static int shared_unmap(sqlite3_file *base, int remove) {
    (void)remove;
    open_file *file = (open_file *)base;
    faulty_disk *disk = file->disk;
    shared_lock(base, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
    pthread_mutex_lock(&disk->mutex);
    if (file->uses_shared_memory) {
        file->uses_shared_memory = false;
        // As the first to lock a real one truncates it, the last to leave forgets this one.
        if (--disk->shared_memory_users == 0) {
            for (int region = 0; region < shared_regions; region++) {
                free(disk->regions[region]);
                disk->regions[region] = NULL;
            }
        }
    }
    pthread_mutex_unlock(&disk->mutex);
    return SQLITE_OK;
}

// MARK: The rest

static int file_control(sqlite3_file *base, int operation, void *argument) {
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base) {
    (void)base;
    return 4096;
}

static int file_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_close(sqlite3_file *base) {
    open_file *file = (open_file *)base;
    shared_unmap(base, 0);
    pthread_mutex_lock(&file->disk->mutex);
    unlock(file, SQLITE_LOCK_NONE);
    pthread_mutex_unlock(&file->disk->mutex);
    disk_release(file->disk);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shared_map,
    .xShmLock = shared_lock,
    .xShmBarrier = shared_barrier,
    .xShmUnmap = shared_unmap,
};

size_t file_bytes(void) { return sizeof(open_file); }

void file_open(sqlite3_file *base, faulty_disk *disk, int name, int flags) {
    open_file *file = (open_file *)base;
    memset(file, 0, sizeof *file);
    file->base.pMethods = &methods;
    file->disk = disk;
    file->name = name;
    file->file = disk->named[name];
    file->syncs_names = name != file_database && (flags & SQLITE_OPEN_CREATE);
}

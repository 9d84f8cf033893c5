// What the parts of the faulty disk share.
#ifndef DOCENT_DISK_H
#define DOCENT_DISK_H

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>

#include "FaultyDisk.h"

enum { file_database, file_log, file_journal, file_kinds };
enum { sector_size = 512, shared_region_size = 32768, shared_regions = 64 };

/// Bytes that grow.
typedef struct {
    uint8_t *bytes;
    int64_t size, capacity;
} buffer;

/// What happened to the disk, in order.
typedef enum { change_make, change_remove, change_write, change_truncate, change_sync, change_failed_sync, change_sync_names } change_kind;

typedef struct {
    change_kind kind;
    /// Which file kind (for names) and which file.
    int name, file;
    /// Where, for writes; the new size, for truncations.
    int64_t offset;
    buffer data;
} change;

/// The contents of a file, which may have lost its name.
typedef struct {
    buffer now;
    /// What an image that was loaded had here.
    buffer before;
} inode;

struct faulty_disk {
    faulty_disk *next;
    char *path;
    pthread_mutex_t mutex;
    int references;
    bool is_removed;

    inode *inodes;
    int inode_count;
    /// The file under each name, -1 for none; and at the start.
    int named[file_kinds], named_before[file_kinds];
    change *changes;
    int64_t change_count, change_capacity;
    int32_t lies;

    int64_t calls, failing_call;
    bool fails_forever;
    int64_t limit;
    char *ballast;

    // Locks of the database file, and shared memory with its locks.
    int shared_count;
    const void *reserved, *pending, *exclusive;
    void *regions[shared_regions];
    int shared_memory_users;
    int slot_shared[SQLITE_SHM_NLOCK];
    const void *slot_exclusive[SQLITE_SHM_NLOCK];
};

/// Makes `size` bytes of room, new ones zero.
void buffer_resize(buffer *buffer, int64_t size);
void buffer_write(buffer *buffer, const uint8_t *bytes, int64_t count, int64_t offset);

#endif

// What is left of a disk when the power goes.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Disk.h"

struct faulty_image {
    bool has[file_kinds];
    buffer files[file_kinds];
};

static const char *const suffixes[file_kinds] = {"", "-wal", "-journal"};

void buffer_resize(buffer *buffer, int64_t size) {
    if (size > buffer->capacity) {
        int64_t capacity = size + size / 2 + 4096;
        uint8_t *bytes = realloc(buffer->bytes, (size_t)capacity);
        if (bytes == NULL) abort();
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    if (size > buffer->size) memset(buffer->bytes + buffer->size, 0, (size_t)(size - buffer->size));
    buffer->size = size;
}

void buffer_write(buffer *buffer, const uint8_t *bytes, int64_t count, int64_t offset) {
    if (count <= 0) return;
    if (offset + count > buffer->size) buffer_resize(buffer, offset + count);
    memcpy(buffer->bytes + offset, bytes, (size_t)count);
}

static void buffer_copy(buffer *to, const buffer *from) {
    buffer_resize(to, 0);
    buffer_write(to, from->bytes, from->size, 0);
}

// MARK: Chance

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
static uint64_t draw(uint64_t *state) {
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

static bool happens(uint64_t *state, int percent) { return (int)(draw(state) % 100) < percent; }

// MARK: Survival

/// A file while changes are replayed: what is durable, and the changes that are not, as indices.
typedef struct {
    buffer durable;
    int64_t *pending;
    int64_t pending_count, pending_capacity;
} survivor;

typedef struct {
    const faulty_disk *disk;
    survivor *files;
    int named[file_kinds];
    /// Makings and removals of names that may be lost.
    int64_t *pending_names;
    int64_t pending_name_count, pending_name_capacity;
    uint64_t random;
    /// Of what a failed sync should have written, this share arrives.
    int failed_sync_percent;
} replay;

static void push(int64_t **list, int64_t *count, int64_t *capacity, int64_t value) {
    if (*count == *capacity) {
        *capacity = *capacity * 2 + 16;
        *list = realloc(*list, (size_t)*capacity * sizeof(int64_t));
        if (*list == NULL) abort();
    }
    (*list)[(*count)++] = value;
}

/// Applies a write sector by sector; one that survives may do so in part.
static void write_some(buffer *file, const change *change, uint64_t *random, int percent) {
    int64_t end = change->offset + change->data.size;
    for (int64_t at = change->offset; at < end;) {
        int64_t next = (at / sector_size + 1) * sector_size;
        int64_t count = (next < end ? next : end) - at;
        if (happens(random, percent)) {
            if (percent < 100 && happens(random, 5)) count = (int64_t)(draw(random) % (uint64_t)count);
            buffer_write(file, change->data.bytes + (at - change->offset), count, at);
        } else if (percent < 100 && happens(random, 10) && at + count > file->size) {
            // The new size arrives without the bytes.
            buffer_resize(file, at + count);
        }
        at = next;
    }
}

static void settle_file(replay *replay, survivor *file, int percent) {
    for (int64_t index = 0; index < file->pending_count; index++) {
        const change *change = &replay->disk->changes[file->pending[index]];
        if (change->kind == change_write) {
            write_some(&file->durable, change, &replay->random, percent);
        } else if (happens(&replay->random, percent)) {
            buffer_resize(&file->durable, change->offset);
        }
    }
    file->pending_count = 0;
}

static void settle_names(replay *replay, int percent) {
    for (int64_t index = 0; index < replay->pending_name_count; index++) {
        const change *change = &replay->disk->changes[replay->pending_names[index]];
        if (happens(&replay->random, percent)) {
            replay->named[change->name] = change->kind == change_make ? change->file : -1;
        }
    }
    replay->pending_name_count = 0;
}

static void step(replay *replay, int64_t index) {
    const change *change = &replay->disk->changes[index];
    survivor *file = &replay->files[change->file];
    switch (change->kind) {
    case change_make:
    case change_remove:
        push(&replay->pending_names, &replay->pending_name_count, &replay->pending_name_capacity, index);
        break;
    case change_write:
    case change_truncate: push(&file->pending, &file->pending_count, &file->pending_capacity, index); break;
    case change_sync: settle_file(replay, file, 100); break;
    case change_failed_sync: settle_file(replay, file, replay->failed_sync_percent); break;
    case change_sync_names: settle_names(replay, 100); break;
    }
}

static faulty_image *survive(faulty_disk *disk, int64_t position, uint64_t seed, bool is_cut) {
    pthread_mutex_lock(&disk->mutex);
    replay replay = {.disk = disk, .random = seed, .failed_sync_percent = is_cut ? 50 : 100};
    replay.files = calloc((size_t)disk->inode_count + 1, sizeof(survivor));
    faulty_image *image = calloc(1, sizeof *image);
    if (replay.files == NULL || image == NULL) abort();
    for (int file = 0; file < disk->inode_count; file++) {
        buffer_copy(&replay.files[file].durable, &disk->inodes[file].before);
    }
    memcpy(replay.named, disk->named_before, sizeof replay.named);
    if (position > disk->change_count) position = disk->change_count;
    for (int64_t index = 0; index < position; index++) step(&replay, index);

    // Nothing, little, half, much or all of what was not synced: each has found its own bugs elsewhere.
    static const int shares[] = {0, 10, 50, 90, 100};
    int percent = is_cut ? shares[draw(&replay.random) % 5] : 100;
    for (int file = 0; file < disk->inode_count; file++) settle_file(&replay, &replay.files[file], percent);
    settle_names(&replay, percent);

    for (int name = 0; name < file_kinds; name++) {
        if (replay.named[name] < 0) continue;
        image->has[name] = true;
        buffer_copy(&image->files[name], &replay.files[replay.named[name]].durable);
    }
    for (int file = 0; file < disk->inode_count; file++) {
        free(replay.files[file].durable.bytes);
        free(replay.files[file].pending);
    }
    free(replay.files);
    free(replay.pending_names);
    pthread_mutex_unlock(&disk->mutex);
    return image;
}

faulty_image *faulty_disk_cut(faulty_disk *disk, int64_t position, uint64_t seed) {
    return survive(disk, position, seed, true);
}

faulty_image *faulty_disk_kill(faulty_disk *disk, int64_t position) { return survive(disk, position, 0, false); }

// MARK: Images

void faulty_disk_load(faulty_disk *disk, const faulty_image *image) {
    pthread_mutex_lock(&disk->mutex);
    for (int name = 0; name < file_kinds; name++) {
        if (!image->has[name]) continue;
        inode *inodes = realloc(disk->inodes, (size_t)(disk->inode_count + 1) * sizeof(inode));
        if (inodes == NULL) abort();
        disk->inodes = inodes;
        inode *file = &inodes[disk->inode_count];
        memset(file, 0, sizeof *file);
        buffer_copy(&file->now, &image->files[name]);
        buffer_copy(&file->before, &image->files[name]);
        disk->named[name] = disk->named_before[name] = disk->inode_count++;
    }
    pthread_mutex_unlock(&disk->mutex);
}

bool faulty_image_write(const faulty_image *image, const char *path) {
    for (int name = 0; name < file_kinds; name++) {
        if (!image->has[name]) continue;
        char target[4096];
        if (snprintf(target, sizeof target, "%s%s", path, suffixes[name]) >= (int)sizeof target) {
            errno = ENAMETOOLONG;
            return false;
        }
        int descriptor = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (descriptor < 0) return false;
        const buffer *file = &image->files[name];
        for (int64_t done = 0; done < file->size;) {
            ssize_t count = write(descriptor, file->bytes + done, (size_t)(file->size - done));
            if (count < 0) {
                close(descriptor);
                return false;
            }
            done += count;
        }
        close(descriptor);
    }
    return true;
}

void faulty_image_free(faulty_image *image) {
    for (int name = 0; name < file_kinds; name++) free(image->files[name].bytes);
    free(image);
}

// Disks, and the VFS through which SQLite meets them.
#include "Disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "File.h"

static pthread_mutex_t disks_mutex = PTHREAD_MUTEX_INITIALIZER;
static faulty_disk *disks;
/// The VFS that was the default before.
static sqlite3_vfs *plain;

static void release(faulty_disk *disk) {
    pthread_mutex_lock(&disks_mutex);
    bool is_last = --disk->references == 0;
    pthread_mutex_unlock(&disks_mutex);
    if (!is_last) return;
    for (int file = 0; file < disk->inode_count; file++) {
        free(disk->inodes[file].now.bytes);
        free(disk->inodes[file].before.bytes);
    }
    for (int64_t index = 0; index < disk->change_count; index++) free(disk->changes[index].data.bytes);
    for (int region = 0; region < shared_regions; region++) free(disk->regions[region]);
    free(disk->inodes);
    free(disk->changes);
    free(disk->ballast);
    free(disk->path);
    pthread_mutex_destroy(&disk->mutex);
    free(disk);
}

void disk_release(faulty_disk *disk) { release(disk); }

/// The disk that has this file, retained; NULL for all other files.
static faulty_disk *find(const char *path, int *name) {
    if (path == NULL) return NULL;
    static const char *const suffixes[file_kinds] = {"", "-wal", "-journal"};
    pthread_mutex_lock(&disks_mutex);
    faulty_disk *found = NULL;
    for (faulty_disk *disk = disks; disk != NULL && found == NULL; disk = disk->next) {
        size_t length = strlen(disk->path);
        if (strncmp(path, disk->path, length) != 0) continue;
        for (int kind = 0; kind < file_kinds; kind++) {
            if (strcmp(path + length, suffixes[kind]) != 0) continue;
            *name = kind;
            found = disk;
            disk->references++;
        }
    }
    pthread_mutex_unlock(&disks_mutex);
    return found;
}

// MARK: Changes and calls

void disk_record(faulty_disk *disk, change change) {
    if (disk->change_count == disk->change_capacity) {
        disk->change_capacity = disk->change_capacity * 2 + 256;
        disk->changes = realloc(disk->changes, (size_t)disk->change_capacity * sizeof(change));
        if (disk->changes == NULL) abort();
    }
    disk->changes[disk->change_count++] = change;
}

bool disk_fails(faulty_disk *disk) {
    disk->calls++;
    if (disk->is_removed) return true;
    if (disk->failing_call == 0) return false;
    return disk->fails_forever ? disk->calls >= disk->failing_call : disk->calls == disk->failing_call;
}

int64_t disk_used(faulty_disk *disk) {
    int64_t used = 0;
    for (int name = 0; name < file_kinds; name++) {
        if (disk->named[name] >= 0) used += disk->inodes[disk->named[name]].now.size;
    }
    return used;
}

int64_t disk_room(faulty_disk *disk) {
    if (disk->limit < 0) return INT64_MAX;
    struct stat status;
    int64_t used = disk_used(disk);
    if (disk->ballast != NULL && stat(disk->ballast, &status) == 0) used += status.st_size;
    return used < disk->limit ? disk->limit - used : 0;
}

// MARK: The VFS

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    int name;
    faulty_disk *disk = find(path, &name);
    if (disk == NULL) return plain->xOpen(plain, path, file, flags, out);
    file->pMethods = NULL;
    pthread_mutex_lock(&disk->mutex);
    int code = SQLITE_OK;
    if (disk_fails(disk) || (disk->named[name] < 0 && !(flags & SQLITE_OPEN_CREATE))) {
        code = SQLITE_CANTOPEN;
    } else if (disk->named[name] < 0) {
        inode *inodes = realloc(disk->inodes, (size_t)(disk->inode_count + 1) * sizeof(inode));
        if (inodes == NULL) abort();
        disk->inodes = inodes;
        memset(&inodes[disk->inode_count], 0, sizeof(inode));
        disk->named[name] = disk->inode_count;
        disk_record(disk, (change){.kind = change_make, .name = name, .file = disk->inode_count});
        disk->inode_count++;
    }
    if (code == SQLITE_OK) file_open(file, disk, name, flags);
    pthread_mutex_unlock(&disk->mutex);
    if (code != SQLITE_OK) release(disk);
    if (out != NULL) *out = flags;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    int name;
    faulty_disk *disk = find(path, &name);
    if (disk == NULL) return plain->xDelete(plain, path, sync);
    pthread_mutex_lock(&disk->mutex);
    int code = SQLITE_OK;
    if (disk_fails(disk)) {
        code = SQLITE_IOERR_DELETE;
    } else if (disk->named[name] < 0) {
        code = SQLITE_IOERR_DELETE_NOENT;
    } else {
        disk_record(disk, (change){.kind = change_remove, .name = name, .file = disk->named[name]});
        disk->named[name] = -1;
        if (sync && !(disk->lies & faulty_lie_directory)) disk_record(disk, (change){.kind = change_sync_names});
    }
    pthread_mutex_unlock(&disk->mutex);
    release(disk);
    return code;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    (void)vfs;
    int name;
    faulty_disk *disk = find(path, &name);
    if (disk == NULL) return plain->xAccess(plain, path, flags, result);
    pthread_mutex_lock(&disk->mutex);
    bool fails = disk_fails(disk);
    // An empty file does not count for SQLITE_ACCESS_EXISTS, as in the unix VFS.
    *result = disk->named[name] >= 0
        && (flags != SQLITE_ACCESS_EXISTS || disk->inodes[disk->named[name]].now.size > 0);
    pthread_mutex_unlock(&disk->mutex);
    release(disk);
    return fails ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static void register_vfs(void) {
    static sqlite3_vfs ours;
    if (plain != NULL) return;
    plain = sqlite3_vfs_find(NULL);
    ours = *plain;
    ours.zName = "faulty";
    ours.pNext = NULL;
    ours.xOpen = vfs_open;
    ours.xDelete = vfs_delete;
    ours.xAccess = vfs_access;
    if (ours.szOsFile < (int)file_bytes()) ours.szOsFile = (int)file_bytes();
    sqlite3_vfs_register(&ours, 1);
}

// MARK: Public

faulty_disk *faulty_disk_create(const char *path) {
    faulty_disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL || (disk->path = strdup(path)) == NULL) {
        free(disk);
        return NULL;
    }
    pthread_mutex_init(&disk->mutex, NULL);
    disk->references = 1;
    disk->limit = -1;
    for (int name = 0; name < file_kinds; name++) disk->named[name] = disk->named_before[name] = -1;
    pthread_mutex_lock(&disks_mutex);
    register_vfs();
    disk->next = disks;
    disks = disk;
    pthread_mutex_unlock(&disks_mutex);
    return disk;
}

void faulty_disk_remove(faulty_disk *disk) {
    pthread_mutex_lock(&disks_mutex);
    for (faulty_disk **link = &disks; *link != NULL; link = &(*link)->next) {
        if (*link != disk) continue;
        *link = disk->next;
        break;
    }
    pthread_mutex_unlock(&disks_mutex);
    pthread_mutex_lock(&disk->mutex);
    disk->is_removed = true;
    pthread_mutex_unlock(&disk->mutex);
    release(disk);
}

#define LOCKED(disk, statement) \
    pthread_mutex_lock(&(disk)->mutex); \
    statement; \
    pthread_mutex_unlock(&(disk)->mutex)

int64_t faulty_disk_position(faulty_disk *disk) {
    int64_t position;
    LOCKED(disk, position = disk->change_count);
    return position;
}

int64_t faulty_disk_calls(faulty_disk *disk) {
    int64_t calls;
    LOCKED(disk, calls = disk->calls);
    return calls;
}

int64_t faulty_disk_size(faulty_disk *disk) {
    int64_t size;
    LOCKED(disk, size = disk_used(disk));
    return size;
}

void faulty_disk_lie(faulty_disk *disk, int32_t lies) { LOCKED(disk, disk->lies = lies); }

void faulty_disk_fail(faulty_disk *disk, int64_t call, bool forever) {
    LOCKED(disk, (disk->failing_call = call, disk->fails_forever = forever));
}

void faulty_disk_limit(faulty_disk *disk, int64_t bytes, const char *ballast) {
    char *copy = ballast == NULL ? NULL : strdup(ballast);
    pthread_mutex_lock(&disk->mutex);
    free(disk->ballast);
    disk->limit = bytes;
    disk->ballast = copy;
    pthread_mutex_unlock(&disk->mutex);
}

// A disk in memory for SQLite that forgets, tears and reorders what was not synced, and that fails on demand.
//
// It is SQLite's default VFS from the first disk on, but only for the files of a disk: everything else goes to the VFS
// that was the default before. What a disk promises is what POSIX does, and no more:
//
// * The bytes of a file are durable as of its last sync. Of later writes each 512-byte sector may survive or not, on its
//   own (so they may be reordered), and be cut anywhere inside; a truncation likewise. Bytes outside a write never change
//   (SQLITE_IOCAP_POWERSAFE_OVERWRITE, which the unix VFS promises as well).
// * A name made or removed is durable after a sync of the directory only. As in the unix VFS, directories are synced at
//   the first sync of a journal or log, and at deletions that ask for it; never for the database file.
// * A sync that fails drops what it should have written: some sectors arrive, the others never will, though they can
//   still be read (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
//
// All functions may be called from any thread.
#ifndef DOCENT_FAULTY_DISK_H
#define DOCENT_FAULTY_DISK_H

#include <stdbool.h>
#include <stdint.h>

/// The files of one database: `path`, `path-wal` and `path-journal`; its shared memory is lost with the disk.
typedef struct faulty_disk faulty_disk;

/// What a power cut left: a few files in memory.
typedef struct faulty_image faulty_image;

/// Takes over the files of `path`, which no real file should have. NULL without memory.
faulty_disk *faulty_disk_create(const char *path);

/// Gives the path back. Connections that are still open keep the disk alive, and fail from now on.
void faulty_disk_remove(faulty_disk *disk);

// MARK: Power cuts

/// Changes so far (writes, truncations, syncs, names): the moments at which the power can be cut.
int64_t faulty_disk_position(faulty_disk *disk);

/// What a cut after the first `position` changes may leave, by the seed's choice.
faulty_image *faulty_disk_cut(faulty_disk *disk, int64_t position, uint64_t seed);

/// All that was written after the first `position` changes, as a killed process leaves it.
faulty_image *faulty_disk_kill(faulty_disk *disk, int64_t position);

/// Puts an image on a disk that nothing was written to yet; all of it is durable there.
void faulty_disk_load(faulty_disk *disk, const faulty_image *image);

/// Writes an image to real files; false, with `errno`, if one cannot be written.
bool faulty_image_write(const faulty_image *image, const char *path);

void faulty_image_free(faulty_image *image);

/// Syncs that answer well and do nothing.
enum { faulty_lie_database = 1, faulty_lie_log = 2, faulty_lie_directory = 4 };
void faulty_disk_lie(faulty_disk *disk, int32_t lies);

// MARK: Failing calls

/// Calls so far, reads and locks included.
int64_t faulty_disk_calls(faulty_disk *disk);

/// Lets call number `call` (1 for the first) fail, and with `forever` all that follow; 0 lets all succeed again.
void faulty_disk_fail(faulty_disk *disk, int64_t call, bool forever);

// MARK: Full disks

/// Lets files grow while they and the real file `ballast` (may be NULL) have no more than `bytes` together; a write that finds
/// too little room is made as far as there is some. Negative: no limit.
void faulty_disk_limit(faulty_disk *disk, int64_t bytes, const char *ballast);

/// The bytes of all its files.
int64_t faulty_disk_size(faulty_disk *disk);

#endif

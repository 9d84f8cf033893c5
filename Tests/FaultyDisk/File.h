// An open file of a disk, as SQLite sees it.
#ifndef DOCENT_FILE_H
#define DOCENT_FILE_H

#include "Disk.h"

size_t file_bytes(void);

/// Fills in `file`; the caller holds the disk's mutex and hands over one reference to it.
void file_open(sqlite3_file *file, faulty_disk *disk, int name, int flags);

// The caller of these holds the disk's mutex.

void disk_record(faulty_disk *disk, change change);
/// Counts a call; true if it is to fail.
bool disk_fails(faulty_disk *disk);
int64_t disk_used(faulty_disk *disk);
/// How many bytes files may still grow by.
int64_t disk_room(faulty_disk *disk);

/// Gives a reference back; the caller does not hold the mutex.
void disk_release(faulty_disk *disk);

#endif

// Stands between a program and the C library, counts the calls that change files, and kills the process at one of them.
//
// The functions are defined in the executable, so SQLite, Swift's runtime and our own code all meet them first. Only for
// executables that are made to be killed: everything that is linked with this target is subject to it.
#ifndef DOCENT_COUNTED_CALLS_H
#define DOCENT_COUNTED_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/// Kills the process instead of call number `call` (1 for the first); 0 for never.
///
/// With `torn` a write is made up to its middle first.
void counted_calls_kill_at(int64_t call, bool torn);

/// Opens that may make or empty a file, writes, truncations, allocations, syncs, renames, unlinks and mkdirs so far.
int64_t counted_calls(void);

/// Appends a line to a file without being counted; a trace that is being written gets a mark with it.
void counted_calls_note(int32_t descriptor, const char *line);

/// Appends what every call from now on changes to the file `descriptor`, in the order in which the calls were made.
///
/// A record is a line of text, numbers in decimal, and after a W as many bytes as it says:
/// `W inode offset count`, `T inode size` (truncated or lengthened to), `S inode` (synced: a file or a folder),
/// `N inode path` and `D inode path` (a file or a folder was made), `R inode path` (and now from where) `F path`, `U path`
/// (removed), `M line` (a note). Paths are as the program gave them.
void counted_calls_trace(int32_t descriptor);

#endif

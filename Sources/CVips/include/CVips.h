/// The few libvips calls that Docent needs, made non-variadic and free of GLib types, so that Swift parses neither library.
/// Every function may be called from any thread; one image belongs to one thread at a time.
#ifndef CVIPS_H
#define CVIPS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CVIPS_OTHER,  ///< a sample type or colour space that Docent does not convert (float, Lab, multispectral)
    CVIPS_WIDE,   ///< signed or 32-bit integer samples, whose range no file states
    CVIPS_GREY,
    CVIPS_RGB,
    CVIPS_CMYK,
} cvips_colour;

/// What a file says of its first page before any pixel is decoded.
typedef struct {
    int width;
    int height;
    int bands;         ///< samples a pixel, interleaved; alpha comes after the colours
    int sample_bytes;  ///< 1 or 2, in the machine's byte order
    cvips_colour colour;
    int orientation;  ///< EXIF (or, without EXIF, XMP) orientation, 1 to 8; 1 where the file has none
    int pages;
} cvips_header;

typedef struct cvips_image cvips_image;

/// Opens and starts libvips once: single-threaded pipelines, no operation cache, every loader but the allowed buffer loaders
/// blocked. False when the library is not there or cannot start; nothing but `cvips_take_errors` may be called then.
bool cvips_start(void);

/// What the library says of itself, for example "8.14.1"; only after it was started.
const char *cvips_version(void);

/// Whether this build of libvips has the operation `loader`, for example "heifload_buffer".
bool cvips_has_loader(const char *loader);

/// Begins reading one file on this thread: beside others, or `alone` and with no errors yet. Every call below stands
/// between `cvips_begin` and a `cvips_end` of the same kind.
void cvips_begin(bool alone);
void cvips_end(bool alone);

/// Reads the header of `length` bytes with `loader`. The bytes must stay where they are until `cvips_close`.
/// NULL on failure.
cvips_image *cvips_open(const char *loader, const void *bytes, size_t length, cvips_header *header);

/// Decodes rows `top ..< top + count` into `rows` (count × width × bands × sample_bytes). Call from the top downwards.
bool cvips_read_rows(cvips_image *image, int top, int count, void *rows);

void cvips_close(cvips_image *image);

/// Copies libvips' error text into `text`, cut to `capacity - 1` bytes and NUL-terminated; where there is none, the last
/// warning of this thread.
///
/// libvips keeps one buffer for all threads: unless the file was begun `alone`, lines of another file may be among these.
void cvips_take_errors(char *text, size_t capacity);

#endif

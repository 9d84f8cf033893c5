/// libvips, opened when the first picture is read and not before: with what it brings (some 80 libraries) it takes 16 MB
/// and half of the program's start, which those who only ask for text, list jobs or pull a model need not pay.
#ifndef VIPS_LIBRARY_H
#define VIPS_LIBRARY_H

#include <stdbool.h>
#include <vips/vips.h>

/// Each function that is called, and its name in `vips`; their types are the headers'.
#define VIPS_LIBRARY_CALLS(CALL)                                \
    CALL(vips_init, init)                                       \
    CALL(vips_version, version)                                 \
    CALL(vips_version_string, version_string)                   \
    CALL(vips_concurrency_set, concurrency_set)                 \
    CALL(vips_cache_set_max, cache_set_max)                     \
    CALL(vips_block_untrusted_set, block_untrusted_set)         \
    CALL(vips_operation_block_set, operation_block_set)         \
    CALL(vips_type_find, type_find)                             \
    CALL(vips_call, call)                                       \
    CALL(vips_blob_new, blob_new)                               \
    CALL(vips_area_unref, area_unref)                           \
    CALL(vips_image_get_width, get_width)                       \
    CALL(vips_image_get_height, get_height)                     \
    CALL(vips_image_get_bands, get_bands)                       \
    CALL(vips_image_get_format, get_format)                     \
    CALL(vips_image_get_interpretation, get_interpretation)     \
    CALL(vips_image_get_typeof, get_typeof)                     \
    CALL(vips_image_get_blob, get_blob)                         \
    CALL(vips_image_get_orientation, get_orientation)           \
    CALL(vips_image_get_n_pages, get_n_pages)                   \
    CALL(vips_region_new, region_new)                           \
    CALL(vips_region_prepare, region_prepare)                   \
    CALL(vips_error_buffer, error_buffer)                       \
    CALL(vips_error_clear, error_clear)                         \
    CALL(vips_thread_shutdown, thread_shutdown)                 \
    CALL(g_log_set_handler, log_set_handler)                    \
    CALL(g_object_unref, object_unref)

#define VIPS_LIBRARY_MEMBER(function, name) __typeof__(&function) name;
struct vips_library {
    VIPS_LIBRARY_CALLS(VIPS_LIBRARY_MEMBER)
};
#undef VIPS_LIBRARY_MEMBER

/// Filled by `vips_library_open`.
extern struct vips_library vips;

/// Opens the library; call it once. False when it is not there, or is not the one of the headers.
bool vips_library_open(void);

/// Why it could not be opened; empty when it was.
const char *vips_library_failure(void);

#endif

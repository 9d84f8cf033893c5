#define _GNU_SOURCE  // memmem
#include "CVips.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "VipsLibrary.h"

struct cvips_image {
    VipsImage *pixels;
    VipsRegion *region;
    size_t line;  // bytes of a row
};

// Readers are files that are read beside one another, a writer is one that wants its errors to itself. It waits for the
// readers while it holds the turnstile, so that those who come later queue behind it.
static pthread_rwlock_t decodes = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t turnstile = PTHREAD_MUTEX_INITIALIZER;

static _Thread_local char last_warning[400];

static void keep_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
    // Decoders warn about every odd tag of a hostile file, and nobody wants to read that; but of a broken PNG header
    // the warning is all that libvips says.
    (void)domain, (void)level, (void)data;
    snprintf(last_warning, sizeof last_warning, "%s", message);
}

static bool has_started;

static void start_once(void) {
    if (!vips_library_open()) return;
    vips.log_set_handler("VIPS", G_LOG_LEVEL_MASK, keep_log, NULL);
    if (vips.init("docent")) return;
    vips.concurrency_set(1);
    vips.cache_set_max(0);
    // Deny by default: ImageMagick, SVG, PDF, OpenSlide and whatever a later libvips adds can never be reached.
    vips.block_untrusted_set(TRUE);
    vips.operation_block_set("VipsForeignLoad", TRUE);
    static const char *const allowed[] = {
        "VipsForeignLoadJpegBuffer",  "VipsForeignLoadPngBuffer",  "VipsForeignLoadWebpBuffer",
        "VipsForeignLoadNsgifBuffer", "VipsForeignLoadTiffBuffer", "VipsForeignLoadHeifBuffer",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++) vips.operation_block_set(allowed[i], FALSE);
    has_started = true;
}

bool cvips_start(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_once);
    return has_started;
}

const char *cvips_version(void) { return vips.version_string(); }

bool cvips_has_loader(const char *loader) { return vips.type_find("VipsOperation", loader) != 0; }

static cvips_colour colour_of(const VipsImage *image) {
    switch (vips.get_format(image)) {
        case VIPS_FORMAT_UCHAR:
        case VIPS_FORMAT_USHORT:
            break;
        case VIPS_FORMAT_CHAR:
        case VIPS_FORMAT_SHORT:
        case VIPS_FORMAT_UINT:
        case VIPS_FORMAT_INT:
            return CVIPS_WIDE;
        default:
            return CVIPS_OTHER;
    }
    const int bands = vips.get_bands(image);
    switch (vips.get_interpretation(image)) {
        case VIPS_INTERPRETATION_B_W:
        case VIPS_INTERPRETATION_GREY16:
            return bands >= 1 ? CVIPS_GREY : CVIPS_OTHER;
        case VIPS_INTERPRETATION_RGB:
        case VIPS_INTERPRETATION_sRGB:
        case VIPS_INTERPRETATION_RGB16:
            return bands >= 3 ? CVIPS_RGB : CVIPS_OTHER;
        case VIPS_INTERPRETATION_CMYK:
            return bands >= 4 ? CVIPS_CMYK : CVIPS_OTHER;
        default:
            return CVIPS_OTHER;
    }
}

/// Pillow's rule for files without an EXIF orientation: the first `tiff:Orientation` attribute or element of the XMP packet.
static int xmp_orientation(const VipsImage *image) {
    static const char key[] = "tiff:Orientation";
    const void *packet = NULL;
    size_t length = 0;
    if (!vips.get_typeof(image, VIPS_META_XMP_NAME)) return 1;
    if (vips.get_blob(image, VIPS_META_XMP_NAME, &packet, &length)) return 1;
    const char *found = memmem(packet, length, key, strlen(key));
    if (!found) return 1;
    const char *value = found + strlen(key), *end = (const char *)packet + length;
    if (end - value >= 3 && value[0] == '=' && value[1] == '"') value += 2;
    else if (end - value >= 2 && value[0] == '>') value += 1;
    else return 1;
    return *value >= '1' && *value <= '8' ? *value - '0' : 1;
}

static cvips_header header_of(const VipsImage *image) {
    const bool has_orientation = vips.get_typeof(image, VIPS_META_ORIENTATION) != 0;
    return (cvips_header){
        .width = vips.get_width(image),
        .height = vips.get_height(image),
        .bands = vips.get_bands(image),
        .sample_bytes = vips.get_format(image) == VIPS_FORMAT_USHORT ? 2 : 1,
        .colour = colour_of(image),
        .orientation = has_orientation ? vips.get_orientation((VipsImage *)image) : xmp_orientation(image),
        .pages = vips.get_n_pages((VipsImage *)image),
    };
}

cvips_image *cvips_open(const char *loader, const void *bytes, size_t length, cvips_header *header) {
    VipsBlob *blob = vips.blob_new(NULL, bytes, length);
    VipsImage *pixels = NULL;
    const int status = vips.call(
        loader, blob, &pixels, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    vips.area_unref((VipsArea *)blob);
    if (status) return NULL;
    *header = header_of(pixels);
    cvips_image *image = calloc(1, sizeof *image);
    if (!image) {
        vips.object_unref(pixels);
        return NULL;
    }
    image->pixels = pixels;
    image->line = (size_t)header->width * (size_t)header->bands * (size_t)header->sample_bytes;
    return image;
}

bool cvips_read_rows(cvips_image *image, int top, int count, void *rows) {
    // A region is pulled on this thread; vips_image_write_to_memory would start worker threads and copy the whole image.
    if (!image->region && !(image->region = vips.region_new(image->pixels))) return false;
    const VipsRect area = {.left = 0, .top = top, .width = image->pixels->Xsize, .height = count};
    if (vips.region_prepare(image->region, &area)) return false;
    const VipsPel *first = image->region->data + (top - image->region->valid.top) * image->region->bpl;
    for (int y = 0; y < count; y++)
        memcpy((char *)rows + (size_t)y * image->line, first + (ptrdiff_t)y * image->region->bpl, image->line);
    return true;
}

void cvips_close(cvips_image *image) {
    if (image->region) vips.object_unref(image->region);
    vips.object_unref(image->pixels);
    free(image);
    vips.thread_shutdown();  // frees the buffers that libvips keeps for each thread
}

void cvips_begin(bool alone) {
    pthread_mutex_lock(&turnstile);
    if (alone) pthread_rwlock_wrlock(&decodes);
    else pthread_rwlock_rdlock(&decodes);
    pthread_mutex_unlock(&turnstile);
    if (!alone) return;
    vips.error_clear();
    last_warning[0] = '\0';
}

void cvips_end(bool alone) {
    (void)alone;
    pthread_rwlock_unlock(&decodes);
}

void cvips_take_errors(char *text, size_t capacity) {
    const char *failure = vips_library_failure(), *errors = failure[0] ? failure : vips.error_buffer();
    snprintf(text, capacity, "%s", errors[0] ? errors : last_warning);
}

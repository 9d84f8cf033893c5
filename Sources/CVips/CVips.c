#include "CVips.h"

#include <string.h>
#include <vips/vips.h>

struct cvips_image {
    VipsImage *pixels;
    VipsRegion *region;
};

// Readers are files that are read beside one another, a writer is one that wants its errors to itself. It waits for the
// readers while it holds the turnstile, so that those who come later queue behind it.
static GRWLock decodes;
static GMutex turnstile;

static _Thread_local char last_warning[400];

static void keep_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {
    // Decoders warn about every odd tag of a hostile file, and nobody wants to read that; but of a broken PNG header
    // the warning is all that libvips says.
    (void)domain, (void)level, (void)data;
    g_strlcpy(last_warning, message, sizeof last_warning);
}

static gpointer start_once(gpointer data) {
    (void)data;
    g_log_set_handler("VIPS", G_LOG_LEVEL_MASK, keep_log, NULL);
    if (VIPS_INIT("docent")) return NULL;
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    // Deny by default: ImageMagick, SVG, PDF, OpenSlide and whatever a later libvips adds can never be reached.
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    static const char *const allowed[] = {
        "VipsForeignLoadJpegBuffer",  "VipsForeignLoadPngBuffer",  "VipsForeignLoadWebpBuffer",
        "VipsForeignLoadNsgifBuffer", "VipsForeignLoadTiffBuffer", "VipsForeignLoadHeifBuffer",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++) vips_operation_block_set(allowed[i], FALSE);
    return GINT_TO_POINTER(TRUE);
}

bool cvips_start(void) {
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, start_once, NULL) != NULL;
}

bool cvips_has_loader(const char *loader) { return vips_type_find("VipsOperation", loader) != 0; }

static cvips_colour colour_of(const VipsImage *image) {
    switch (vips_image_get_format(image)) {
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
    const int bands = vips_image_get_bands(image);
    switch (vips_image_get_interpretation(image)) {
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
    if (!vips_image_get_typeof(image, VIPS_META_XMP_NAME)) return 1;
    if (vips_image_get_blob(image, VIPS_META_XMP_NAME, &packet, &length)) return 1;
    const char *found = g_strstr_len(packet, (gssize)length, key);
    if (!found) return 1;
    const char *value = found + strlen(key), *end = (const char *)packet + length;
    if (end - value >= 3 && value[0] == '=' && value[1] == '"') value += 2;
    else if (end - value >= 2 && value[0] == '>') value += 1;
    else return 1;
    return *value >= '1' && *value <= '8' ? *value - '0' : 1;
}

static cvips_header header_of(const VipsImage *image) {
    const bool has_orientation = vips_image_get_typeof(image, VIPS_META_ORIENTATION) != 0;
    return (cvips_header){
        .width = vips_image_get_width(image),
        .height = vips_image_get_height(image),
        .bands = vips_image_get_bands(image),
        .sample_bytes = vips_image_get_format(image) == VIPS_FORMAT_USHORT ? 2 : 1,
        .colour = colour_of(image),
        .orientation = has_orientation ? vips_image_get_orientation((VipsImage *)image) : xmp_orientation(image),
        .pages = vips_image_get_n_pages((VipsImage *)image),
    };
}

cvips_image *cvips_open(const char *loader, const void *bytes, size_t length, cvips_header *header) {
    VipsBlob *blob = vips_blob_new(NULL, bytes, length);
    VipsImage *pixels = NULL;
    const int status = vips_call(
        loader, blob, &pixels, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    vips_area_unref(VIPS_AREA(blob));
    if (status) return NULL;
    *header = header_of(pixels);
    cvips_image *image = g_new0(cvips_image, 1);
    image->pixels = pixels;
    return image;
}

bool cvips_read_rows(cvips_image *image, int top, int count, void *rows) {
    // A region is pulled on this thread; vips_image_write_to_memory would start worker threads and copy the whole image.
    if (!image->region && !(image->region = vips_region_new(image->pixels))) return false;
    const VipsRect area = {.left = 0, .top = top, .width = image->pixels->Xsize, .height = count};
    if (vips_region_prepare(image->region, &area)) return false;
    const size_t line = VIPS_IMAGE_SIZEOF_LINE(image->pixels);
    for (int y = 0; y < count; y++)
        memcpy((char *)rows + (size_t)y * line, VIPS_REGION_ADDR(image->region, 0, top + y), line);
    return true;
}

void cvips_close(cvips_image *image) {
    if (image->region) g_object_unref(image->region);
    g_object_unref(image->pixels);
    g_free(image);
    vips_thread_shutdown();  // frees the buffers that libvips keeps for each thread
}

void cvips_begin(bool alone) {
    g_mutex_lock(&turnstile);
    if (alone) g_rw_lock_writer_lock(&decodes);
    else g_rw_lock_reader_lock(&decodes);
    g_mutex_unlock(&turnstile);
    if (!alone) return;
    vips_error_clear();
    last_warning[0] = '\0';
}

void cvips_end(bool alone) {
    if (alone) g_rw_lock_writer_unlock(&decodes);
    else g_rw_lock_reader_unlock(&decodes);
}

void cvips_take_errors(char *text, size_t capacity) {
    char *errors = vips_error_buffer_copy();
    g_strlcpy(text, errors[0] ? errors : last_warning, capacity);
    g_free(errors);
}

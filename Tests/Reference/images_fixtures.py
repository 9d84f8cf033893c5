"""Makes Tests/Fixtures/images: small files of every format and variant, and goldens.json with what Pillow reads from them.

Made with Python 3.11, numpy 2.x and Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libavif 1.4.2, libtiff 4.7.2); the
HEIC file with `vips heifsave` 8.14.1 (libheif 1.15.1, x265), since Pillow writes none. Run: python images_fixtures.py

A golden is width, height and CRC-32 of the upright RGB bytes. Lossy files also get `pixels/<file>.png`, the same pixels
to compare within a tolerance, because two libraries may round differently.
"""
import io, json, os, shutil, struct, subprocess, sys, zlib
import numpy as np
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "Fixtures", "images")
W, H = 37, 23


def picture(w=W, h=H, channels=3, seed=1):
    """Gradients with a hard disc and a little texture: smooth enough for lossy codecs, uneven enough to show a flip."""
    y, x = np.mgrid[0:h, 0:w]
    planes = [x * 255 // max(w - 1, 1), y * 255 // max(h - 1, 1), (x * 5 + y * 9 + seed * 40) % 256, (x * 11 + y * 3) % 256]
    a = np.stack(planes[:channels], -1).astype(np.uint8)
    a[(x - w // 3) ** 2 + (y - h // 2) ** 2 < (min(w, h) // 4) ** 2] = [250, 40, 10, 128][:channels]
    return a


def save(image, name, **options):
    image.save(os.path.join(OUT, name), **options)


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def upright_rgb(path):
    """What Docent promises. 16-bit grey is the one deliberate difference: the high byte, where Pillow clips to white."""
    im = Image.open(path)
    im = ImageOps.exif_transpose(im)
    if im.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(im) >> 8).astype(np.uint8)).convert("RGB")
    if "A" in im.getbands() or "transparency" in im.info:
        im = im.convert("RGBA")
        im = Image.alpha_composite(Image.new("RGBA", im.size, (255, 255, 255, 255)), im)
    return im.convert("RGB")


# --- PNG variants that Pillow does not write --------------------------------------------------------------------------
def png(w, h, depth, colour_type, rows, extra=b"", interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", w, h, depth, colour_type, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra_chunks(extra, chunk) + \
        chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def extra_chunks(extra, chunk):
    return b"".join(chunk(kind, data) for kind, data in extra) if extra else b""


def plain_rows(samples):
    return b"".join(b"\0" + row.tobytes() for row in samples)


def adam7_rows(a):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    out = b""
    for x, y, dx, dy in passes:
        part = a[y::dy, x::dx]
        if part.size:
            out += plain_rows(part)
    return out


def make_png():
    rgb, rgba = picture(), picture(channels=4)
    save(Image.fromarray(rgb), "rgb.png")
    save(Image.fromarray(rgba), "rgba.png")
    save(Image.fromarray(rgb[..., 2]), "grey.png")
    save(Image.merge("LA", [Image.fromarray(rgba[..., 2]), Image.fromarray(rgba[..., 3])]), "grey-alpha.png")
    palette = Image.fromarray(rgb).quantize(200)
    save(palette, "palette.png")
    save(palette, "palette-trns.png", transparency=bytes((i * 37) % 256 for i in range(200)))
    save(Image.fromarray(rgb).quantize(4), "palette-2bit.png", bits=2)
    save(Image.fromarray(rgb[..., 2]).convert("1"), "bilevel.png")
    save(Image.fromarray(rgb), "rgb-trns.png", transparency=(250, 40, 10))
    save(Image.fromarray(rgb[..., 2]), "grey-trns.png", transparency=10)
    deep = (rgba.astype(np.uint32) * 257 - rgba % 7 * 20).clip(0, 65535).astype(">u2")
    write("rgb16.png", png(W, H, 16, 2, plain_rows(deep[..., :3])))
    write("rgba16.png", png(W, H, 16, 6, plain_rows(deep)))
    write("grey16.png", png(W, H, 16, 0, plain_rows(deep[..., 2])))
    write("interlaced.png", png(W, H, 8, 2, adam7_rows(rgb), interlace=1))
    write("gamma-and-profile.png", png(W, H, 8, 2, plain_rows(rgb), extra=[
        (b"gAMA", struct.pack(">I", 100000)), (b"iCCP", b"nonsense\0\0" + zlib.compress(b"not a profile" * 20))]))
    exif = Image.Exif()
    exif[0x0112] = 8
    save(Image.fromarray(rgb), "exif8.png", exif=exif)
    save(Image.fromarray(rgb), "animated.png", save_all=True, append_images=[Image.fromarray(picture(seed=3))])
    save(Image.fromarray(picture(1, 1)), "one-pixel.png")


# --- JPEG -------------------------------------------------------------------------------------------------------------
def without_segment(data, marker):
    """The JPEG without its segments of one marker."""
    out, i = data[:2], 2
    while data[i + 1] != 0xDA:
        n = 2 + struct.unpack(">H", data[i + 2:i + 4])[0]
        if data[i + 1] != marker:
            out += data[i:i + n]
        i += n
    return out + data[i:]


def encoded(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def make_jpeg():
    rgb = Image.fromarray(picture())
    save(rgb, "420.jpg", quality=80)
    save(rgb, "422.jpg", quality=80, subsampling=1)
    save(rgb, "444.jpg", quality=90, subsampling=0)
    save(rgb, "progressive.jpg", quality=80, progressive=True)
    save(rgb, "restarts.jpg", quality=80, restart_marker_blocks=1)
    save(rgb.convert("L"), "grey.jpg", quality=80)
    save(Image.fromarray(picture(1, 1)), "one-pixel.jpg")
    cmyk = Image.merge("CMYK", [Image.fromarray(np.ascontiguousarray(picture(channels=4)[..., i])) for i in range(4)])
    save(cmyk, "cmyk-adobe.jpg", quality=90)
    write("cmyk-plain.jpg", without_segment(encoded(cmyk, "JPEG", quality=90), 0xEE))
    for orientation in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(rgb, f"exif{orientation}.jpg", quality=80, exif=exif)
    save(rgb, "xmp3.jpg", quality=80, xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="3"/></rdf:RDF></x:xmpmeta>')


# --- the other formats ------------------------------------------------------------------------------------------------
def make_webp_and_gif():
    rgb, rgba = Image.fromarray(picture()), Image.fromarray(picture(channels=4))
    other = Image.fromarray(picture(seed=3))
    exif = Image.Exif()
    exif[0x0112] = 6
    save(rgb, "lossy.webp", quality=80)
    save(rgba, "lossy-alpha.webp", quality=80)
    save(rgb, "lossless.webp", lossless=True)
    save(rgba, "lossless-alpha.webp", lossless=True, exact=True)
    save(rgb, "exif6.webp", lossless=True, exif=exif)
    save(rgb, "animated.webp", save_all=True, append_images=[other], lossless=True)
    save(rgb.quantize(64), "plain.gif")
    save(rgb.quantize(64), "transparent.gif", transparency=5)
    save(rgb.quantize(64), "animated.gif", save_all=True, append_images=[other.quantize(64)], duration=50)
    save(rgb.convert("L"), "grey.gif")


def make_tiff():
    rgb, rgba = Image.fromarray(picture()), Image.fromarray(picture(channels=4))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        save(rgb, f"{compression.replace('tiff_', '').replace('adobe_', '')}.tif", compression=compression)
    save(rgb, "jpeg.tif", compression="jpeg", quality=90)
    save(rgb.convert("1"), "bilevel-g4.tif", compression="group4")
    save(rgb.convert("L"), "grey.tif", compression="tiff_lzw")
    save(rgb.quantize(64), "palette.tif")
    save(rgba, "rgba.tif", compression="tiff_lzw")
    for kind, name in ((0, "unspecified-extra.tif"), (1, "premultiplied.tif")):
        premultiplied = Image.fromarray((picture(channels=4).astype(np.uint16) * picture(channels=4)[..., 3:] // 255).astype(np.uint8))
        tag = struct.pack("<HHI", 338, 3, 1)
        data = encoded(premultiplied, "TIFF")
        assert data.count(tag + b"\2\0") == 1
        write(name, data.replace(tag + b"\2\0", tag + struct.pack("<H", kind)))
    save(Image.merge("CMYK", rgba.split()), "cmyk.tif", compression="tiff_lzw")
    save(Image.fromarray(picture()[..., 2].astype(np.uint16) * 250), "grey16.tif")
    save(Image.fromarray(picture()[..., 2].astype(np.float32)), "float.tif")
    save(rgb, "orientation7.tif", tiffinfo={274: 7})
    save(rgb, "pages.tif", save_all=True, append_images=[rgb.rotate(180)] * 2)
    save(rgb, "big.tif", big_tiff=True)


def bmp(w, h, bits, compression, data, palette=b"", masks=b"", header=40):
    size = 14 + header + (len(masks) if header == 40 else 0) + len(palette)
    if header == 12:
        info = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, w, h, 1, bits, compression, len(data), 2835, 2835, 0, 0) + masks
        info += b"\0" * (header - len(info) if header > 40 else 0)
    return struct.pack("<2sIHHI", b"BM", size + len(data), 0, 0, size) + info + palette + data


def bmp_lines(rows, bits):
    """Rows of raw bytes, padded to 4."""
    return b"".join(r + b"\0" * (-len(r) % 4) for r in rows)


def make_bmp():
    a = picture()
    rgb = Image.fromarray(a)
    save(rgb, "24.bmp")
    save(rgb.quantize(200), "8.bmp")
    save(rgb.convert("1"), "1.bmp")
    save(rgb.convert("L"), "grey.bmp")
    save(Image.fromarray(picture(channels=4)), "32.bmp")
    b16 = a.astype(np.uint16)
    b555 = (b16[..., 0] >> 3) << 10 | (b16[..., 1] >> 3) << 5 | b16[..., 2] >> 3
    b565 = (b16[..., 0] >> 3) << 11 | (b16[..., 1] >> 2) << 5 | b16[..., 2] >> 3
    up = slice(None, None, -1)
    write("555.bmp", bmp(W, H, 16, 0, bmp_lines([r.astype("<u2").tobytes() for r in b555[up]], 16)))
    write("565.bmp", bmp(W, H, 16, 3, bmp_lines([r.astype("<u2").tobytes() for r in b565[up]], 16),
                         masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    write("top-down.bmp", bmp(W, -H, 24, 0, bmp_lines([r[:, ::-1].tobytes() for r in a], 24)))
    bgra = picture(channels=4)[..., [2, 1, 0, 3]]
    write("alpha-mask.bmp", bmp(W, H, 32, 3, b"".join(r.tobytes() for r in bgra[up]), header=124,
                                masks=struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)))
    colours = np.array([[i * 16, 255 - i * 10, (i * 70) % 256] for i in range(16)], np.uint8)
    index = (a[..., 2] // 16).astype(np.uint8)
    bgr0 = b"".join(bytes([c[2], c[1], c[0], 0]) for c in colours.tolist())
    nibbles = [bytes((r[i] << 4 | (r[i + 1] if i + 1 < W else 0)) for i in range(0, W, 2)) for r in index[up].tolist()]
    write("4.bmp", bmp(W, H, 4, 0, bmp_lines(nibbles, 4), palette=bgr0))
    write("os2.bmp", bmp(W, H, 8, 0, bmp_lines([r.tobytes() for r in index[up]], 8), header=12,
                         palette=b"".join(bytes([c[2], c[1], c[0]]) for c in colours.tolist()) + b"\0" * 3 * 240))
    flat = np.repeat(index[:, ::6], 6, axis=1)[:, :W]
    runs8 = b"".join(rle8(r) + b"\0\0" for r in flat[up].tolist()) + b"\0\1"
    write("rle8.bmp", bmp(W, H, 8, 1, runs8, palette=bgr0 + b"\0" * 4 * 240))
    runs4 = b"".join(rle4(r) + b"\0\0" for r in flat[up].tolist()) + b"\0\1"
    write("rle4.bmp", bmp(W, H, 4, 2, runs4, palette=bgr0))


def rle8(row):
    """Runs for the left part of a row, a literal for its last 7 pixels."""
    out, i, stop = b"", 0, len(row) - 7
    while i < stop:
        n = 1
        while i + n < stop and row[i + n] == row[i]:
            n += 1
        out, i = out + bytes([n, row[i]]), i + n
    return out + bytes([0, 7]) + bytes(row[stop:]) + b"\0"


def rle4(row):
    out, i, stop = b"", 0, len(row) - 7
    while i < stop:
        n = 1
        while i + n < stop and row[i + n] == row[i]:
            n += 1
        out, i = out + bytes([n, row[i] << 4 | row[i]]), i + n
    tail = row[stop:] + [0]
    return out + bytes([0, 7]) + bytes(tail[j] << 4 | tail[j + 1] for j in range(0, 8, 2))


def make_heif():
    save(Image.fromarray(picture(48, 32)), "plain.avif", quality=80, subsampling="4:4:4")
    save(Image.fromarray(picture(48, 32, 4)), "alpha.avif", quality=80, subsampling="4:4:4")
    exif = Image.Exif()
    exif[0x0112] = 6
    save(Image.fromarray(picture(48, 32)), "turned.avif", quality=80, subsampling="4:4:4", exif=exif)
    if shutil.which("vips"):
        source = "/tmp/heic-source.png"
        Image.fromarray(picture(64, 48)).save(source)
        subprocess.run(["vips", "heifsave", source, os.path.join(OUT, "plain.heic"), "--compression", "hevc", "--Q", "90"])


def main():
    os.makedirs(os.path.join(OUT, "pixels"), exist_ok=True)
    for make in (make_png, make_jpeg, make_webp_and_gif, make_tiff, make_bmp, make_heif):
        make()
    goldens = []
    for name in sorted(os.listdir(OUT)):
        path = os.path.join(OUT, name)
        if not os.path.isfile(path) or name in ("float.tif",):
            continue
        lossy = name.endswith((".jpg", ".avif", ".heic")) or name in ("lossy.webp", "lossy-alpha.webp", "jpeg.tif")
        try:
            im = upright_rgb(path)
        except Exception as error:
            print(name, "not read by Pillow:", error)
            if not name.endswith(".heic"):
                continue
            im = Image.fromarray(picture(64, 48))
        goldens.append({"file": name, "width": im.width, "height": im.height, "crc32": zlib.crc32(im.tobytes()), "lossy": lossy})
        if lossy:
            im.save(os.path.join(OUT, "pixels", name + ".png"))
    with open(os.path.join(OUT, "goldens.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(g) for g in goldens) + "\n]\n")


main()

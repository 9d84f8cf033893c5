"""Makes Tests/Fixtures/images/resize.json: CRC-32 of Pillow's resized pixels for many sizes and every filter.

Made with Python 3.11, numpy 2.x and Pillow 12.1.1, the last release that always resizes along rows first; newer ones are
refused. 12.2 and 12.3 go along columns first where height > 100 * width and the height shrinks (Image.resize says so): 6 of
these 138 rows change. 13.0 does where the height shrinks by more than twice what the width does (measured: no exception in
2,577 random sizes): 24 rows change. The orders round and clamp differently in between, up to 11 steps apart on a photograph
and 57 on the noise below.

Both languages compute the source from the formula below, so that only hashes are stored; resize/*.png hold five results
whole, to look at when a hash differs. Run: python images_resize.py
"""
import json, os, zlib
import numpy as np
import PIL
from PIL import Image

assert tuple(map(int, PIL.__version__.split(".")[:2])) < (12, 2), "needs a Pillow whose resize always runs along rows first"

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "images")
FILTERS = {"lanczos": 1, "bilinear": 2, "bicubic": 3}
SIZES = [  # source width, height, target width, height
    (1, 1, 1, 1), (1, 1, 7, 5), (7, 5, 1, 1), (1, 64, 1, 9), (64, 1, 9, 1), (1, 64, 13, 64), (64, 1, 64, 13), (2, 2, 3, 3),
    (3, 3, 2, 2), (2, 3, 200, 1), (5, 4, 5, 4), (5, 4, 6, 4), (5, 4, 5, 3), (13, 17, 17, 13), (17, 13, 13, 17), (31, 29, 64, 64),
    (64, 64, 31, 29), (64, 64, 32, 32), (64, 64, 63, 65), (65, 63, 64, 64), (97, 3, 11, 50), (3, 97, 50, 11), (100, 100, 99, 101),
    (101, 99, 100, 100), (100, 100, 10, 10), (100, 100, 7, 93), (128, 96, 37, 111), (127, 1, 3, 1), (1, 127, 1, 3), (255, 2, 2, 255),
    (2, 255, 255, 2), (640, 3, 1, 1), (3, 640, 1, 1), (640, 5, 7, 5), (5, 640, 5, 7), (301, 7, 300, 8), (7, 301, 8, 300),
    (224, 112, 73, 61), (61, 73, 224, 112), (150, 130, 149, 1), (150, 130, 1, 129), (33, 77, 384, 10), (77, 33, 10, 384),
    (400, 2, 3, 3), (2, 400, 3, 3), (511, 9, 13, 4),
]
WHOLE = [(13, 17, 17, 13), (17, 13, 13, 17), (31, 29, 64, 64), (100, 100, 10, 10), (97, 3, 11, 50)]


def source(width, height):
    """Byte i of the image: a hash of i, pushed to black or white in every third block so that kernels overshoot."""
    i = np.arange(width * height * 3, dtype=np.uint64)
    h = (i * 2654435761) & 0xFFFFFFFF
    h = ((h >> 13) ^ h) & 0xFFFFFFFF
    value = (h * 1274126177 & 0xFFFFFFFF) >> 24
    block = i // 24 % 3
    value = np.where(block == 0, np.where(value < 128, 0, 255), value)
    return Image.fromarray(value.astype(np.uint8).reshape(height, width, 3))


def main():
    os.makedirs(os.path.join(OUT, "resize"), exist_ok=True)
    rows = []
    for size in SIZES:
        w, h, tw, th = size
        image = source(w, h)
        for name, number in FILTERS.items():
            resized = image.resize((tw, th), number)
            rows.append({"source": [w, h], "target": [tw, th], "filter": number, "crc32": zlib.crc32(resized.tobytes())})
            if size in WHOLE and name == "lanczos":
                resized.save(os.path.join(OUT, "resize", f"{w}x{h}-{tw}x{th}-{name}.png"))
    with open(os.path.join(OUT, "resize.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


main()

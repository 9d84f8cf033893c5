"""Makes a folder of photograph-like JPEGs for timing `docent caption --timings`: mixed sizes, shapes and qualities.

    python bulk_images.py FOLDER [COUNT] [SEED]

Sizes run evenly from 1 to 12 megapixels, in the aspect ratios of cameras, upright and across; qualities are 85 to 95, with
chroma at half resolution as cameras write it. A picture is smooth noise in several octaves, so that its spectrum falls as a
photograph's does, with a dozen drawn shapes for edges and fine grain that keeps the entropy decoder as busy as a real
picture would (about 2.5 bits a pixel). The same arguments give the same pixels.

Made for Python 3.11, numpy 2 and Pillow 12.
"""
import os
import sys

import numpy as np
from PIL import Image, ImageDraw

MEGAPIXELS = (1, 12)
ASPECTS = (4 / 3, 3 / 2, 16 / 9, 1)


def octaves(random, width, height):
    """Values around 0 [height, width, 3]: noise at 4 to 256 cells across, half as strong at each doubling."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(7):
        cells = 4 << octave
        cell = random.normal(size=(max(cells * height // width, 2), cells, 3)).astype(np.float32)
        planes = [
            np.asarray(Image.fromarray(cell[..., colour]).resize((width, height), Image.Resampling.BICUBIC))
            for colour in range(3)
        ]
        total += np.stack(planes, -1) * 0.6**octave
    return total


def picture(random, width, height):
    grain = random.normal(size=(height, width, 1)).astype(np.float32) * 5
    pixels = 120 + 38 * octaves(random, width, height) + grain
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for shape in range(12):
        x, y = random.uniform(0, width), random.uniform(0, height)
        radius = random.uniform(0.02, 0.15) * min(width, height)
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        box = (x - radius, y - radius * random.uniform(0.4, 1), x + radius, y + radius)
        (draw.ellipse if shape % 2 else draw.rectangle)(box, fill=colour)
    return image


def size(random, megapixels):
    """Width and height of about so many pixels; a third of the pictures stand upright."""
    aspect = ASPECTS[random.integers(len(ASPECTS))]
    height = round((megapixels * 1e6 / aspect) ** 0.5)
    width = round(height * aspect)
    return (height, width) if random.random() < 1 / 3 else (width, height)


def main(folder, count=200, seed=1):
    random = np.random.default_rng(seed)
    os.makedirs(folder, exist_ok=True)
    for index in random.permutation(count):
        low, high = MEGAPIXELS
        width, height = size(random, low + (high - low) * index / max(count - 1, 1))
        path = os.path.join(folder, f"{index:03d}-{width}x{height}.jpg")
        picture(random, width, height).save(path, quality=int(random.integers(85, 96)), subsampling="4:2:0")


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:]))

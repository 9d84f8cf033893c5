"""Write hold-out scenes with their true captions, for measuring what quantising costs (`QuantizedLikelihoodTests`).

    python make_holdout.py FOLDER [COUNT]

Only Pillow, NumPy and the fonts of README.md are needed. The format is that of jobs/samples/expected.json.
"""
import json
import os
import sys

import scenes as S


def main(folder, count=200):
    os.makedirs(folder, exist_ok=True)
    samples = []
    for i in range(count):
        spec = S.make_scene(S.SAMPLES_START + 10_000 + i)
        S.render(spec).save(f"{folder}/{i:04d}.png")
        samples.append({"file": f"{i:04d}.png", "truth": {"description": S.describe(spec), "caption": S.short_caption(spec)}})
    json.dump({"samples": samples}, open(f"{folder}/expected.json", "w"), indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))

"""Trims the goldens of docent-mini to what the Swift tests compare.

    python Tests/Reference/checkpoint_docent_mini.py GOLDEN_FOLDER

GOLDEN_FOLDER is what Tests/Reference/docent-mini's training run left: for each of three samples, arrays that
transformers 5.23.0 computed in f32 from the shipped bf16 weights. Writes Tests/Fixtures/checkpoints/docent-mini-golden:
golden.json (ids, greedy tokens, texts, SHA-256 of the pixel values) and .npy files in f32 (features and first logits
of every sample, the tower's states of one). Needs numpy 2.4.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np

SOURCE = pathlib.Path(sys.argv[1])
TARGET = pathlib.Path(__file__).parents[1] / "Fixtures" / "checkpoints" / "docent-mini-golden"


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    cases = []
    for folder in sorted(SOURCE.iterdir()):
        golden = json.loads((folder / "golden.json").read_text())
        pixels = np.load(folder / "pixel_values.npy").astype(np.float32)
        case = {key: golden[key] for key in ["image", "prompt", "chat_text", "input_ids", "text"]}
        case["greedy"] = golden["greedy_ids_32"]
        case["pixel_sha256"] = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        case["name"] = folder.name
        cases.append(case)
        arrays = ["image_features", "first_step_logits"]
        if folder.name == "scene-02":
            arrays.append("vision_last_hidden_state")
        for array in arrays:
            np.save(TARGET / f"{folder.name}-{array}.npy", np.load(folder / f"{array}.npy").astype(np.float32))
    (TARGET / "golden.json").write_text(json.dumps({"cases": cases}, indent=1))


main()

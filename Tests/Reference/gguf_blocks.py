"""Writes Tests/Fixtures/checkpoints/gguf-blocks: a GGUF file of one tensor of each type, and the values in each.

Made with gguf 0.19.0, numpy 2.4.6:

    python Tests/Reference/gguf_blocks.py
"""

import json
import pathlib

import gguf
import numpy as np

FOLDER = pathlib.Path(__file__).parents[1] / "Fixtures" / "checkpoints" / "gguf-blocks"
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"]

FOLDER.mkdir(parents=True, exist_ok=True)
writer = gguf.GGUFWriter(str(FOLDER / "blocks.gguf"), "llama")
writer.add_block_count(1)
writer.add_context_length(64)
writer.add_embedding_length(64)
writer.add_feed_forward_length(64)
writer.add_head_count(2)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(8)
writer.add_bool("test.flag", True)
writer.add_array("test.names", ["a", "é"])

random = np.random.default_rng(2026)
# Rows of very different scale, one of them below what f16 holds exactly.
values = (random.standard_normal((5, 96)) * [[1], [0.01], [300], [1e-6], [0]]).astype(np.float32)
goldens = {}
for name in TYPES:
    kind = gguf.GGMLQuantizationType[name]
    data = gguf.quantize(values, kind)
    writer.add_tensor(f"values.{name}", data, raw_dtype=kind)
    goldens[name] = {"shape": list(values.shape), "values": gguf.dequantize(data, kind).astype(float).ravel().tolist()}
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
(FOLDER / "golden.json").write_text(json.dumps(goldens))

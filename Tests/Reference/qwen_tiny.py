"""Makes tiny random Qwen2.5-VL and Qwen3-VL checkpoints and what transformers computes with them.

Writes Tests/Fixtures/checkpoints/{qwen25vl-tiny,qwen3vl-tiny}: a checkpoint each, golden.json (prompts, token ids, hashes of
the pixel values, rotary positions, features, logits, greedy tokens) and pixels.json (grids and pixel hashes of many picture
sizes).

Made with transformers 5.24.0, torch 2.15.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1, Python 3.11:

    python Tests/Reference/qwen_tiny.py
"""

import json

import numpy as np
import PIL
import torch
from internvl_tiny import QWEN2
from smolvlm_tiny import CORPUS, FIXTURES, floats, picture, randomise, sha
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

assert PIL.__version__ == "12.1.1"

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
]  # fmt: skip


def tokenizer(template):
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(CORPUS + ["user assistant system"] * 2, trainer)
    bpe.add_special_tokens(SPECIAL)
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = (FIXTURES.parent / "chat-template" / template).read_text()
    return fast


def processed(processor, image):
    """Patches as (c, y, x) of the one frame, [patches, 3 × patch²], the flat pixel values, and the grid of patches."""
    result = processor([image], return_tensors="np")
    values, grid = result["pixel_values"].astype(np.float32), [int(n) for n in result["image_grid_thw"][0]]
    size = processor.patch_size
    both = values.reshape(len(values), 3, 2, size, size)
    assert grid[0] == 1 and (both[:, :, 0] == both[:, :, 1]).all()
    return np.ascontiguousarray(both[:, :, 0]), values, grid


def case(name, model, processor, fast, parts, images):
    """`parts`: the user's message; `images`: (width, height, seed) of each picture in it."""
    frames, flat, grids = [], [], []
    for image in images:
        single, values, grid = processed(processor, picture(*image))
        frames.append(single)
        flat.append(values)
        grids.append(grid)
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    text = fast.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    pieces = text.split("<|image_pad|>")
    expanded = pieces[0]
    for grid, piece in zip(grids, pieces[1:], strict=True):
        expanded += "<|image_pad|>" * (grid[1] * grid[2] // 4) + piece
    ids = fast(expanded, add_special_tokens=False, return_tensors="pt")["input_ids"]
    types = (ids == model.config.image_token_id).int()
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": types}
    golden = {"name": name, "parts": parts, "images": [list(image) for image in images], "split": True,
              "grids": [[grid[1] // 2, grid[2] // 2] for grid in grids], "input_ids": ids[0].tolist()}  # fmt: skip
    if frames:
        pixels, thw = torch.from_numpy(np.concatenate(flat)), torch.tensor(grids)
        inputs |= {"pixel_values": pixels, "image_grid_thw": thw}
        golden["pixel_sha256"] = [sha(values) for values in frames]
        with torch.no_grad():
            found = model.model.get_image_features(pixel_values=pixels, image_grid_thw=thw)
        levels = [found.pooler_output, *(getattr(found, "deepstack_features", None) or [])]
        levels = [torch.cat(list(level)) if isinstance(level, (list, tuple)) else level for level in levels]
        golden["last_frame_features"] = floats(torch.cat(levels, dim=-1)[-(grids[-1][1] * grids[-1][2] // 4) :])
        positions, delta = model.model.get_rope_index(ids, types, image_grid_thw=thw)
        golden["rotary"] = positions[:, 0].T.tolist()
        golden["rotary_after"] = int(delta) + ids.shape[1]
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        out = model.generate(
            **inputs, max_new_tokens=32, min_new_tokens=32, do_sample=False, use_cache=True, eos_token_id=None
        )
    golden["logit_rows"] = sorted({0, 1, ids.shape[1] // 3, ids.shape[1] // 2, ids.shape[1] - 2, ids.shape[1] - 1})
    golden["logits"] = floats(logits[golden["logit_rows"]])
    golden["greedy"] = out[0, ids.shape[1] :].tolist()
    assert len(golden["greedy"]) == 32
    return golden


def text(fast, **extra):
    return {
        "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": len(fast) + 4, "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
        "bos_token_id": fast.pad_token_id, "pad_token_id": fast.pad_token_id,
        "eos_token_id": fast.convert_tokens_to_ids("<|im_end|>"), **extra,
    }  # fmt: skip


def ids(fast):
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{key}_token_id": fast.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}


def qwen25():
    fast = tokenizer("qwen2-vl.jinja")
    rope = {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [1, 1, 2]}
    config = Qwen2_5_VLConfig(
        text_config=text(fast, num_hidden_layers=2, rope_parameters=rope, tie_word_embeddings=False),
        vision_config={"depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "patch_size": 14,
                       "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 56,
                       "fullatt_block_indexes": [1], "out_hidden_size": 32, "tokens_per_second": 2},
        tie_word_embeddings=False, **ids(fast),
    )  # fmt: skip
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 3136, "longest_edge": 28 * 28 * 40})
    write("qwen25vl-tiny", Qwen2_5_VLForConditionalGeneration, config, fast, processor, 21)


def qwen3():
    fast = tokenizer("qwen3-vl.jinja")
    rope = {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config=text(fast, num_hidden_layers=3, head_dim=16, rope_parameters=rope, tie_word_embeddings=True),
        vision_config={"depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "patch_size": 16,
                       "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 16,
                       "deepstack_visual_indexes": [0, 1], "out_hidden_size": 32},
        tie_word_embeddings=True, **ids(fast),
    )  # fmt: skip
    processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": 32 * 32 * 2, "longest_edge": 32 * 32 * 40}, patch_size=16, image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )  # fmt: skip
    write("qwen3vl-tiny", Qwen3VLForConditionalGeneration, config, fast, processor, 22)


def write(name, kind, config, fast, processor, seed):
    folder = FIXTURES / name
    model = kind._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, seed)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("ln_q.weight"):
                parameter.add_(1)
    model.tie_weights()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.generation_config.eos_token_id = config.text_config.eos_token_id
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    processor.save_pretrained(folder)
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    parts = (model, processor, fast)
    dump(folder / "golden.json", {"cases": [
        case("text only", *parts, ["What do these two pictures share?"], []),
        case("one picture", *parts, [None, "Describe this image."], [(200, 90, 3)]),
        case("two pictures", *parts, ["First:", None, "then:", None, " Compare them."], [(84, 140, 5), (190, 20, 9)]),
        case("a strip", *parts, ["What is this?", None], [(600, 4, 2)]),
        case("a tower", *parts, [None, "Describe this image."], [(33, 380, 7)]),
    ]})  # fmt: skip
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (199, 1), (128, 128), (70, 98), (98, 70), (42, 42), (14, 14), (640, 480), (1000, 6)]  # fmt: skip
    rows = []
    for index, (width, height) in enumerate(sizes):
        single, _, grid = processed(processor, picture(width, height, index))
        rows.append({"width": width, "height": height, "seed": index, "rows": grid[1], "columns": grid[2],
                     "sha256": sha(single)})  # fmt: skip
    dump(folder / "pixels.json", rows)


def dump(file, content):
    file.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    qwen25()
    qwen3()

"""Makes a tiny random InternVL3 checkpoint and what transformers computes with it.

Writes Tests/Fixtures/checkpoints/internvl-tiny: a checkpoint, golden.json (prompts, token ids, hashes of the pixel values,
features, logits, greedy tokens) and pixels.json (grids and pixel hashes of many picture sizes).

Made with transformers 5.24.0, torch 2.15.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1, Python 3.11:

    python Tests/Reference/internvl_tiny.py
"""

import json

import numpy as np
import PIL
import torch
from smolvlm_tiny import CORPUS, FIXTURES, floats, picture, randomise, sha
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import InternVLConfig, InternVLForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil, get_optimal_tiled_canvas

assert PIL.__version__ == "12.1.1"

FOLDER = FIXTURES / "internvl-tiny"
TEMPLATE = (FIXTURES.parent / "chat-template" / "internvl.jinja").read_text()
TILE, TOKENS = 32, 4
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>"]


def tokenizer():
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
    fast.chat_template = TEMPLATE
    return fast


def processed(processor, image, most=12):
    """[tiles, 3, TILE, TILE], and the grid (rows, columns), 0 × 0 for a picture in one tile."""
    values = processor([image], crop_to_patches=True, max_patches=most, return_tensors="np")["pixel_values"]
    columns, rows = get_optimal_tiled_canvas((image.height, image.width), (TILE, TILE), 1, most)
    assert len(values) == columns * rows + (columns * rows > 1)
    return np.asarray(values, dtype=np.float32), ((0, 0) if rows * columns == 1 else (rows, columns))


def case(name, model, processor, fast, parts, images, split):
    """`parts`: the user's message; `images`: (width, height, seed) of each picture in it."""
    frames, grids = [], []
    for image in images:
        values, grid = processed(processor, picture(*image), 12 if split else 1)
        frames.append(values)
        grids.append(grid)
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    text = fast.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    pieces = text.split("<IMG_CONTEXT>")
    expanded = pieces[0]
    for values, piece in zip(frames, pieces[1:], strict=True):
        expanded += "<img>" + "<IMG_CONTEXT>" * (TOKENS * len(values)) + "</img>" + piece
    ids = fast(expanded, add_special_tokens=False, return_tensors="pt")["input_ids"]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    golden = {"name": name, "parts": parts, "images": [list(image) for image in images], "split": split, "grids": grids,
              "input_ids": ids[0].tolist()}  # fmt: skip
    if frames:
        pixels = torch.from_numpy(np.concatenate(frames))
        inputs["pixel_values"] = pixels
        golden["pixel_sha256"] = [sha(values) for values in frames]
        with torch.no_grad():
            tower = model.model.vision_tower(pixel_values=pixels).last_hidden_state
            features = model.model.get_image_features(
                pixel_values=pixels, vision_feature_layer=-1, vision_feature_select_strategy="default"
            ).pooler_output
        golden["last_frame_tower"] = floats(tower[-1, 1:])
        golden["last_frame_features"] = floats(features[-1])
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


def write(name, content):
    (FOLDER / name).write_text(json.dumps(content, separators=(",", ":")))


def checkpoint():
    fast = tokenizer()
    end = fast.convert_tokens_to_ids("<|im_end|>")
    config = InternVLConfig(
        vision_config={"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "image_size": [TILE, TILE], "patch_size": [8, 8], "attention_bias": True},
        text_config={"model_type": "qwen2", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                     "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(fast) + 4,
                     "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "eos_token_id": end,
                     "pad_token_id": fast.pad_token_id, "bos_token_id": fast.pad_token_id, "tie_word_embeddings": True,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}},
        image_token_id=fast.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=TOKENS, tie_word_embeddings=True,
    )  # fmt: skip
    model = InternVLForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, 11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lambda_" in name:
                parameter.add_(0.7)
    model.tie_weights()
    processor = GotOcr2ImageProcessorPil(
        size={"height": TILE, "width": TILE}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
        min_patches=1, max_patches=12,
    )  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    model.generation_config.eos_token_id = end
    model.save_pretrained(FOLDER)
    fast.save_pretrained(FOLDER)
    processor.save_pretrained(FOLDER)
    model = InternVLForConditionalGeneration.from_pretrained(
        FOLDER, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    parts = (model, processor, fast)
    write("golden.json", {"cases": [
        case("text only", *parts, ["What do these two pictures share?"], [], True),
        case("one picture in tiles", *parts, [None, "Describe this image."], [(61, 47, 3)], True),
        case("one whole picture", *parts, [None, "Describe this image."], [(61, 47, 3)], False),
        case("two pictures", *parts, ["First:", None, "then:", None, " Compare them."], [(190, 20, 5), (33, 40, 9)], True),
    ]})  # fmt: skip
    return processor


def pixels(processor):
    """Grids and pixel hashes of the Pillow-based processor for sizes that make rounding hard."""
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (513, 1), (128, 128), (129, 127), (33, 32), (640, 480), (97, 61)]  # fmt: skip
    rows = []
    for most in [12, 6, 1]:
        for seed, (width, height) in enumerate(sizes):
            values, grid = processed(processor, picture(width, height, seed), most)
            rows.append({"most": most, "width": width, "height": height, "seed": seed, "rows": grid[0],
                         "columns": grid[1], "frames": len(values), "sha256": sha(values)})  # fmt: skip
    write("pixels.json", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pixels(checkpoint())

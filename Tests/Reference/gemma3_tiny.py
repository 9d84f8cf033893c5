"""Makes a tiny random Gemma 3 checkpoint and what transformers computes with it.

Writes Tests/Fixtures/checkpoints/gemma3-tiny: a checkpoint, golden.json (prompts, token ids, hashes of the pixel values, features,
logits, greedy tokens) and pixels.json (pixel hashes of many picture sizes). Windows are shorter than the prompts; without the
attention inside pictures the logits are off by a quarter of the largest and more.

Made with transformers 5.24.0, torch 2.15.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1, Python 3.11:

    python Tests/Reference/gemma3_tiny.py
"""

import json

import numpy as np
import PIL
import torch
from sentencepiece_goldens import gemma3_steps, train
from smolvlm_tiny import CORPUS, FIXTURES, floats, picture, randomise, sha
from tokenizers import AddedToken
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

assert PIL.__version__ == "12.1.1"

FOLDER = FIXTURES / "gemma3-tiny"
TEMPLATE = (FIXTURES.parent / "chat-template" / "gemma3.jinja").read_text()
SIDE, TOKENS = 32, 4
TAGS = ["<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]


def tokenizer():
    bpe = gemma3_steps(train(CORPUS + ["user model"] * 2, 400, ["<pad>", "<eos>", "<bos>", "<unk>"], alphabet=80))
    bpe.add_special_tokens([AddedToken(tag, special=True, normalized=False) for tag in TAGS])
    bpe.add_tokens([AddedToken(text, special=False, normalized=False) for text in ["\n", "\n\n", "▁▁"]])
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>")
    fast.chat_template = TEMPLATE
    return fast


def processed(processor, image):
    return np.asarray(processor([image], return_tensors="np")["pixel_values"], dtype=np.float32)


def case(name, model, processor, fast, parts, images):
    frames = [processed(processor, picture(*image)) for image in images]
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    text = fast.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    text = text.replace("<start_of_image>", "\n\n<start_of_image>" + "<image_soft_token>" * TOKENS + "<end_of_image>\n\n")
    ids = fast(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    soft = fast.convert_tokens_to_ids("<image_soft_token>")
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": (ids == soft).long()}
    golden = {"name": name, "parts": parts, "images": [list(i) for i in images], "split": True,
              "grids": [[0, 0] for _ in images], "input_ids": ids[0].tolist()}
    if frames:
        inputs["pixel_values"] = torch.from_numpy(np.concatenate(frames))
        golden["pixel_sha256"] = [sha(values) for values in frames]
        with torch.no_grad():
            tower = model.model.vision_tower(inputs["pixel_values"]).last_hidden_state
            features = model.model.multi_modal_projector(tower)
        golden["last_frame_tower"], golden["last_frame_features"] = floats(tower[-1]), floats(features[-1])
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        out = model.generate(**inputs, max_new_tokens=32, min_new_tokens=32, do_sample=False, use_cache=True, eos_token_id=None)
    rows = sorted({0, 1, ids.shape[1] // 3, ids.shape[1] // 2, ids.shape[1] - 2, ids.shape[1] - 1})
    golden |= {"logit_rows": rows, "logits": floats(logits[rows]), "greedy": out[0, ids.shape[1]:].tolist()}
    return golden


def write(name, content):
    (FOLDER / name).write_text(json.dumps(content, separators=(",", ":")))


def checkpoint():
    fast = tokenizer()
    tag = fast.convert_tokens_to_ids
    config = Gemma3Config(
        vision_config={"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
                       "num_attention_heads": 2, "image_size": SIDE, "patch_size": 8, "vision_use_head": False},
        text_config={"model_type": "gemma3_text", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 6,
                     "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": len(fast) + 4,
                     "sliding_window": 16, "query_pre_attn_scalar": 10, "max_position_embeddings": 512,
                     "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                                         "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}}},
        mm_tokens_per_image=TOKENS, image_token_index=tag("<image_soft_token>"), boi_token_index=tag("<start_of_image>"),
        eoi_token_index=tag("<end_of_image>"), tie_word_embeddings=True)
    model = Gemma3ForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, 31)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # (1 + w) norms are written around 0; SigLIP's own are not of that kind.
            if "norm" in name and name.endswith("weight") and "vision_tower" not in name:
                parameter.sub_(1)
    model.tie_weights()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    processor = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    for part in [model, fast, processor]:
        part.save_pretrained(FOLDER)
    model = Gemma3ForConditionalGeneration.from_pretrained(FOLDER, dtype=torch.float32, attn_implementation="eager").eval()
    parts = (model, processor, fast)
    cases = [case("text only", *parts, ["What do these two pictures share?"], []),
             case("one picture", *parts, [None, "Describe this image."], [(61, 47, 3)]),
             case("two pictures", *parts, ["First:", None, "then:", None, " Compare them."], [(190, 20, 5), (33, 40, 9)])]
    write("golden.json", {"cases": cases})
    return processor


def pixels(processor):
    """Pixel hashes of the Pillow-based processor for sizes that make rounding hard."""
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (513, 3), (128, 128), (129, 127), (33, 32), (640, 480), (97, 61), (32, 33), (32, 32), (7, 47)]  # fmt: skip
    rows = []
    for seed, (width, height) in enumerate(sizes):
        values = processed(processor, picture(width, height, seed))
        assert values.shape == (1, 3, SIDE, SIDE)
        rows.append({"width": width, "height": height, "seed": seed, "sha256": sha(values)})
    write("pixels.json", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pixels(checkpoint())

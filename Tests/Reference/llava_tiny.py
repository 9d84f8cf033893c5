"""Makes a tiny random LLaVA-1.5 checkpoint and what transformers computes with it.

Writes Tests/Fixtures/checkpoints/llava-tiny: a checkpoint, golden.json (prompts, token ids, hashes of the pixel values, features,
logits, greedy tokens) and pixels.json (pixel hashes of many picture sizes).

Made with transformers 5.24.0, torch 2.15.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1, Python 3.11:

    python Tests/Reference/llava_tiny.py
"""

import json

import numpy as np
import PIL
import torch
from sentencepiece_goldens import train, vicuna_steps
from smolvlm_tiny import CORPUS, FIXTURES, floats, picture, randomise, sha
from tokenizers import AddedToken, processors
from transformers import LlavaConfig, LlavaForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

assert PIL.__version__ == "12.1.1"

FOLDER = FIXTURES / "llava-tiny"
TEMPLATE = (FIXTURES.parent / "chat-template" / "llava.jinja").read_text()
SIDE, TOKENS = 32, 16


def tokenizer():
    bpe = vicuna_steps(train(CORPUS + ["USER: ASSISTANT:"] * 2, 400, ["<unk>", "<s>", "</s>"], alphabet=80))
    bpe.add_special_tokens([AddedToken("<image>", special=True, normalized=False), AddedToken("<pad>", special=True, normalized=False)])
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", bpe.token_to_id("<s>"))]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    fast.chat_template = TEMPLATE
    return fast


def processed(processor, image):
    values = processor([image], return_tensors="np")["pixel_values"]
    return np.asarray(values, dtype=np.float32)


def case(name, model, processor, fast, parts, images):
    """`parts`: the user's message; `images`: (width, height, seed) of each picture in it."""
    frames = [processed(processor, picture(*image)) for image in images]
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    text = fast.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    # The beginning token is the tokenizer's, as in transformers' LlavaProcessor.
    ids = fast(text.replace("<image>", "<image>" * TOKENS), return_tensors="pt")["input_ids"]
    assert ids[0, 0] == fast.bos_token_id and ids[0, 1] != fast.bos_token_id
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    golden = {"name": name, "parts": parts, "images": [list(image) for image in images], "split": True,
              "grids": [[0, 0] for _ in images], "input_ids": ids[0].tolist()}  # fmt: skip
    if frames:
        pixels = torch.from_numpy(np.concatenate(frames))
        inputs["pixel_values"] = pixels
        golden["pixel_sha256"] = [sha(values) for values in frames]
        with torch.no_grad():
            tower = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2]
            features = model.model.get_image_features(
                pixel_values=pixels, vision_feature_layer=-2, vision_feature_select_strategy="default"
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
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
                       "num_attention_heads": 2, "image_size": SIDE, "patch_size": 8, "projection_dim": 16},
        text_config={"model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                     "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": len(fast) + 4,
                     "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "eos_token_id": fast.eos_token_id,
                     "pad_token_id": fast.pad_token_id, "bos_token_id": fast.bos_token_id, "tie_word_embeddings": False,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        image_token_index=fast.convert_tokens_to_ids("<image>"), image_seq_length=TOKENS, vision_feature_layer=-2,
        vision_feature_select_strategy="default", tie_word_embeddings=False,
    )  # fmt: skip
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, 21)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, resample=3,
        image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711],
    )  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    model.generation_config.eos_token_id = fast.eos_token_id
    model.save_pretrained(FOLDER)
    fast.save_pretrained(FOLDER)
    processor.save_pretrained(FOLDER)
    model = LlavaForConditionalGeneration.from_pretrained(
        FOLDER, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    parts = (model, processor, fast)
    write("golden.json", {"cases": [
        case("text only", *parts, ["What do these two pictures share?"], []),
        case("one wide picture", *parts, [None, "Describe this image."], [(61, 47, 3)]),
        case("one tall picture, text first", *parts, ["Describe this image. é", None], [(20, 190, 5)]),
        case("two pictures", *parts, ["First:", None, "then:", None, " Compare them."], [(190, 20, 5), (33, 40, 9)]),
    ]})  # fmt: skip
    return processor


def pixels(processor):
    """Pixel hashes of the Pillow-based processor for sizes that make rounding hard."""
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (513, 3), (128, 128), (129, 127), (33, 32), (640, 480), (97, 61), (32, 33), (31, 200), (7, 47)]  # fmt: skip
    rows = []
    for seed, (width, height) in enumerate(sizes):
        values = processed(processor, picture(width, height, seed))
        assert values.shape == (1, 3, SIDE, SIDE)
        rows.append({"width": width, "height": height, "seed": seed, "sha256": sha(values)})
    write("pixels.json", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pixels(checkpoint())

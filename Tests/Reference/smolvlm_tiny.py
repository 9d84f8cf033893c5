"""Makes tiny random SmolVLM checkpoints and what transformers computes with them.

Writes Tests/Fixtures/checkpoints/{smolvlm-tiny,idefics3-tiny}: a checkpoint each, and golden.json with prompts, token
ids, hashes of the pixel values, features, logits and greedy tokens; and pixels.json with the tile grids and pixel
hashes of many picture sizes.

Made with transformers 5.23.0, torch 2.13.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1 (newer ones sometimes resize
along columns first, see images_resize.py), Python 3.11:

    python Tests/Reference/smolvlm_tiny.py
"""

import hashlib
import json
import pathlib
import struct

import numpy as np
import PIL
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

assert PIL.__version__ == "12.1.1"

FIXTURES = pathlib.Path(__file__).parents[1] / "Fixtures" / "checkpoints"
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SPECIAL_LATER = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
CORPUS = [
    "Describe this image. What is in the picture? A dog and a cat sit on the grass under a tree.",
    "User: Assistant: What do these two pictures share? Compare them.\n\n1234567890 (caption)",
]


def picture(width, height, seed):
    """Integer arithmetic only, so that the Swift tests draw the very same picture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    channels = [(x * (3 + c) + y * (5 + 2 * c) + (x * y) // (7 + c) + seed * 31 + c * 85) % 256 for c in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def tokenizer():
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    tiles = [f"<row_{r}_col_{c}>" for r in range(1, 5) for c in range(1, 5)]
    trainer = trainers.BpeTrainer(
        vocab_size=330 - len(tiles) - len(SPECIAL_LATER),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=SPECIAL,
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    bpe.add_special_tokens(tiles + SPECIAL_LATER)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<|im_end|>"
    )
    fast.chat_template = TEMPLATE
    return fast


def randomise(model, seed):
    """Default initialisation hides errors (zero biases, unit norms): every parameter gets its own value."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = "norm" in name and name.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if is_norm else 0.2 * noise)


def floats(tensor):
    return [float(f"{value:.8g}") for value in tensor.flatten().tolist()]


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.float32).tobytes()).hexdigest()


def expand(text, grids, tokens_per_frame):
    """The strings of Idefics3Processor.replace_image_token."""
    frame = "<image>" * tokens_per_frame
    pieces = text.split("<image>")
    out = pieces[0]
    for (rows, columns), piece in zip(grids, pieces[1:], strict=True):
        for r in range(rows):
            for c in range(columns):
                out += f"<fake_token_around_image><row_{r + 1}_col_{c + 1}>" + frame
            out += "\n"
        out += ("\n" if rows else "") + "<fake_token_around_image><global-img>" + frame + "<fake_token_around_image>"
        out += piece
    return out


def processed(processor, image, split):
    result = processor(
        [[image]], do_image_splitting=split, return_row_col_info=True, return_tensors="np", do_pad=True
    )
    return result["pixel_values"][0], (int(result["rows"][0][0]), int(result["cols"][0][0]))


def case(name, model, processor, fast, tokens_per_frame, parts, images, split):
    """`parts`: the user's message; `images`: (width, height, seed) of each picture in it."""
    frames, grids = [], []
    for image in images:
        pixels, grid = processed(processor, picture(*image), split)
        frames.append(pixels)
        grids.append(grid)
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    text = fast.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    ids = fast(expand(text, grids, tokens_per_frame), add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert (ids == model.config.image_token_id).sum() == sum(len(f) for f in frames) * tokens_per_frame
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    golden = {
        "name": name, "parts": parts, "images": [list(image) for image in images], "split": split,
        "grids": grids, "input_ids": ids[0].tolist(),
    }
    if frames:
        pixels = torch.from_numpy(np.concatenate(frames).astype(np.float32))
        inputs["pixel_values"] = pixels[None]
        golden["pixel_sha256"] = [sha(f) for f in frames]
        with torch.no_grad():
            vision = model.model.vision_model(
                pixel_values=pixels[-1:], patch_attention_mask=torch.ones(1, *[pixels.shape[-1] // model.config.vision_config.patch_size] * 2, dtype=torch.bool)
            ).last_hidden_state
            features = model.model.get_image_features(pixel_values=pixels[None]).pooler_output
        features = torch.cat(list(features)) if isinstance(features, (list, tuple)) else features
        golden["last_frame_tower"] = floats(vision[0])
        golden["last_frame_features"] = floats(features.reshape(-1, features.shape[-1])[-tokens_per_frame:])
    with torch.no_grad():
        logits = model(**inputs).logits[0]
    rows = sorted({0, 1, ids.shape[1] // 3, ids.shape[1] // 2, ids.shape[1] - 2, ids.shape[1] - 1})
    golden["logit_rows"] = rows
    golden["logits"] = floats(logits[rows])
    with torch.no_grad():
        out = model.generate(
            **inputs, max_new_tokens=32, min_new_tokens=32, do_sample=False, use_cache=True,
            suppress_tokens=None, eos_token_id=None,
        )
    golden["greedy"] = out[0, ids.shape[1]:].tolist()
    assert len(golden["greedy"]) == 32
    return golden


def llama(vocabulary, **extra):
    return {
        "model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": vocabulary,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "pad_token_id": 2, "bos_token_id": 1,
        "eos_token_id": vocabulary - 1, **extra,
    }


def save(folder, model, fast, processor, shard=None):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.generation_config.eos_token_id = model.config.text_config.eos_token_id
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    fast.save_pretrained(folder)
    processor.save_pretrained(folder)


def smolvlm(fast):
    """f32, one file, splitting, grouped heads, theta by rope_parameters."""
    image = fast.convert_tokens_to_ids("<image>")
    config = SmolVLMConfig(
        text_config=llama(len(fast), rope_parameters={"rope_type": "default", "rope_theta": 100000.0}),
        vision_config={"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "image_size": 32, "patch_size": 8},
        scale_factor=2, image_token_id=image, tie_word_embeddings=False,
    )
    model = SmolVLMForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, 1)
    processor = Idefics3ImageProcessorPil(size={"longest_edge": 128}, max_image_size={"longest_edge": 32})
    folder = FIXTURES / "smolvlm-tiny"
    save(folder, model, fast, processor)
    model = SmolVLMForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    cases = [
        case("text only", model, processor, fast, 4, ["What do these two pictures share?"], [], True),
        case("one picture in tiles", model, processor, fast, 4, [None, "Describe this image."], [(61, 47, 3)], True),
        case("one whole picture", model, processor, fast, 4, [None, "Describe this image."], [(61, 47, 3)], False),
        case("two pictures", model, processor, fast, 4, ["First:", None, "then:", None, " Compare them."],
             [(90, 20, 5), (33, 40, 9)], True),
    ]
    (folder / "golden.json").write_text(json.dumps({"cases": cases}, separators=(",", ":")))
    return processor


def idefics3(fast):
    """bf16 in shards under older names, a tied head, Llama 3 rope by rope_scaling, a tower whose side is no whole
    number of patches (52 = 6 × 8 + 4, as 384 is not one of 14), scale 3, no splitting."""
    image = fast.convert_tokens_to_ids("<image>")
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}
    config = Idefics3Config(
        text_config=llama(len(fast), rope_parameters={**rope, "rope_theta": 5000.0}, tie_word_embeddings=True),
        vision_config={"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 3,
                       "image_size": 52, "patch_size": 8},
        scale_factor=3, image_token_id=image, tie_word_embeddings=True,
    )
    model = Idefics3ForConditionalGeneration._from_config(config, attn_implementation="eager").float().eval()
    randomise(model, 2)
    model.tie_weights()
    processor = Idefics3ImageProcessorPil(
        size={"longest_edge": 104}, max_image_size={"longest_edge": 52}, do_image_splitting=False)
    folder = FIXTURES / "idefics3-tiny"
    save(folder, model.bfloat16(), fast, processor, shard="40KB")
    model = Idefics3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    cases = [
        case("text only", model, processor, fast, 4, ["What do these two pictures share?"], [], False),
        case("one whole picture", model, processor, fast, 4, [None, "Describe this image."], [(70, 111, 4)], False),
        case("two pictures", model, processor, fast, 4, [None, None, "Compare them."], [(20, 90, 5), (64, 64, 6)], False),
    ]
    (folder / "golden.json").write_text(json.dumps({"cases": cases}, separators=(",", ":")))
    rename(folder)
    settings = json.loads((folder / "config.json").read_text())
    text = settings["text_config"]
    parameters = text.pop("rope_parameters")
    text["rope_theta"] = parameters.pop("rope_theta")
    parameters["type"] = parameters.pop("rope_type")
    text["rope_scaling"] = parameters
    (folder / "config.json").write_text(json.dumps(settings, indent=2))


def rename(folder):
    """Tensor names as other generations of the library wrote them."""
    index_path = folder / "model.safetensors.index.json"
    index = json.loads(index_path.read_text())
    old = {"model.vision_model.": "vision_tower.vision_model.", "model.text_model.": "language_model.model."}

    def renamed(name):
        for new, older in old.items():
            if name.startswith(new):
                return older + name[len(new):]
        return name

    for file in sorted(set(index["weight_map"].values())):
        save_file({renamed(k): v for k, v in load_file(folder / file).items()}, folder / file, metadata={"format": "pt"})
    index["weight_map"] = {renamed(name): file for name, file in index["weight_map"].items()}
    index_path.write_text(json.dumps(index, indent=2))


def pixels():
    """Grids and pixel hashes of the Pillow-based processor for sizes that make rounding hard."""
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (513, 1), (128, 128), (129, 127), (33, 32), (640, 480), (97, 61)]
    rows = []
    for edge, frame in [(128, 32), (96, 32), (104, 52)]:
        for split in [True, False]:
            processor = Idefics3ImageProcessorPil(size={"longest_edge": edge}, max_image_size={"longest_edge": frame})
            for index, (width, height) in enumerate(sizes):
                values, grid = processed(processor, picture(width, height, index), split)
                rows.append({"edge": edge, "frame": frame, "split": split, "width": width, "height": height,
                             "seed": index, "rows": grid[0], "columns": grid[1], "frames": len(values),
                             "sha256": sha(values)})
    (FIXTURES / "pixels.json").write_text(json.dumps(rows, separators=(",", ":")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    fast = tokenizer()
    smolvlm(fast)
    idefics3(fast)
    pixels()

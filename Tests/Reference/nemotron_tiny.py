"""Makes a tiny random Llama_Nemotron_Nano_VL checkpoint and what its parts compute together.

No release of transformers holds the family (it is remote code on the hub), so the reference is put together: the tower is
transformers' RadioModel, the decoder its LlamaForCausalLM, and between them stand a pixel shuffle and four torch modules.
The position table that a tile sees is made outside the tower, with aligned corners as in training, and written into a
RadioModel whose largest picture is one tile, so that nothing is interpolated there.

Writes Tests/Fixtures/checkpoints/nemotron-tiny: a checkpoint under the hub's tensor names, golden.json (prompts, token
ids, hashes of the pixel values, features, logits, greedy tokens; features also by the other shuffle and by a table without
aligned corners) and pixels.json (grids and pixel hashes of many picture sizes and settings).

Made with transformers 5.24.0, torch 2.15.0 (CPU, f32), tokenizers 0.23.3, Pillow 12.1.1, Python 3.11:

    python Tests/Reference/nemotron_tiny.py
"""

import json
import pathlib
import tempfile

import numpy as np
import PIL
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from smolvlm_tiny import CORPUS, FIXTURES, floats, llama, picture, randomise, sha
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, RadioConfig, RadioModel

assert PIL.__version__ == "12.1.1"

FOLDER = FIXTURES / "nemotron-tiny"
TEMPLATE = (FIXTURES.parent / "chat-template" / "nemotron.jinja").read_text()
TILE, PATCH, TABLE, MAX_TILES = 32, 8, 64, 12
GRID = TILE // PATCH
TOKENS = (GRID // 2) ** 2
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
           "<|finetune_right_pad_id|>"]  # fmt: skip
IMAGE = ["<image>", "<img>", "</img>", "<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>"]


def tokenizer():
    bpe = Tokenizer(models.BPE(ignore_merges=True))
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(CORPUS + ["user assistant system"] * 2, trainer)
    bpe.add_special_tokens(SPECIAL + IMAGE)
    bpe.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", bpe.token_to_id("<|begin_of_text|>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", pad_token="<|finetune_right_pad_id|>"
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


def grids(most):
    """(columns, rows) in the order in which the published code tries them: a set of tuples, sorted by their product."""
    found = {
        (i, j) for n in range(1, most + 1) for i in range(1, n + 1) for j in range(1, n + 1) if 1 <= i * j <= most
    }
    return sorted(found, key=lambda grid: grid[0] * grid[1])


def area_weighted(width, height, most, tile):
    aspect, best, grid = width / height, 0, (1, 1)
    for columns, rows in grids(most):
        target = columns / rows
        score = min((columns * rows * tile * tile) / (width * height), 0.6) * min(target / aspect, aspect / target)
        if score > best:
            best, grid = score, (columns, rows)
    return grid


def closest_ratio(width, height, most, tile):
    aspect, best, grid = width / height, float("inf"), (1, 1)
    for columns, rows in grids(most):
        distance = abs(aspect - columns / rows)
        if distance < best:
            best, grid = distance, (columns, rows)
        elif distance == best and width * height > 0.5 * tile * tile * columns * rows:
            grid = (columns, rows)
    return grid


def tiles(image, most=MAX_TILES, rule=area_weighted, resample=Image.BICUBIC, twice=False, thumbnail=True):
    """[tiles, 3, TILE, TILE] in 0 … 1, and the grid (rows, columns), 0 × 0 for a picture in one tile."""
    if twice:
        image = image.resize((2 * image.width, 2 * image.height), Image.BILINEAR)
    columns, rows = rule(image.width, image.height, most, TILE)
    stretched = image.resize((columns * TILE, rows * TILE), resample)
    cut = [
        stretched.crop((x * TILE, y * TILE, (x + 1) * TILE, (y + 1) * TILE)) for y in range(rows) for x in range(columns)
    ]
    if len(cut) > 1 and thumbnail:
        cut.append(image.resize((TILE, TILE), resample))
    values = np.stack([np.asarray(tile, dtype=np.float32).transpose(2, 0, 1) / np.float32(255) for tile in cut])
    return values, ((0, 0) if rows * columns == 1 else (rows, columns))


# --- the model --------------------------------------------------------------------------------------------------------


def radio(largest):
    config = RadioConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=1.5, patch_size=PATCH, image_size=TILE,
        max_img_size=largest, num_cls_tokens=4, num_registers=4, summary_idxs=[0, 1],
    )  # fmt: skip
    return RadioModel._from_config(config, attn_implementation="eager").float().eval()


def with_positions(stored, align_corners):
    """A tower for one size of picture whose table is the stored one, resampled."""
    tower = radio(TILE)
    state = stored.state_dict()
    side = TABLE // PATCH
    table = state["embeddings.position_embedding"].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    table = F.interpolate(table, size=(GRID, GRID), mode="bilinear", align_corners=align_corners)
    state["embeddings.position_embedding"] = table.flatten(2).permute(0, 2, 1)
    tower.load_state_dict(state)
    return tower


def shuffled(features, version):
    """InternVL's pixel shuffle by 1/2 of [tiles, GRID², width]; version 1 leaves the grid transposed."""
    x = features.reshape(len(features), GRID, GRID, -1)
    n, w, h, c = x.shape
    x = x.reshape(n, w, h // 2, c * 2).permute(0, 2, 1, 3)
    x = x.reshape(n, h // 2, w // 2, c * 4)
    if version == "v2":
        x = x.permute(0, 2, 1, 3)
    return x.reshape(n, TOKENS, c * 4)


def answers(llm, ids, features, image_token, count):
    """Logits of the prompt and `count` greedy tokens, everything computed anew for each."""
    ids, logits = list(ids), None
    greedy = []
    with torch.no_grad():
        for _ in range(count):
            tokens = torch.tensor([ids])
            embeddings = llm.get_input_embeddings()(tokens).clone()
            if features is not None:
                embeddings[tokens == image_token] = features
            row = llm(inputs_embeds=embeddings).logits[0]
            logits = row if logits is None else logits
            greedy.append(int(row[-1].argmax()))
            ids.append(greedy[-1])
    return logits, greedy


def case(name, parts, images, split, fast, tower, uncornered, projector, llm):
    """`parts`: the user's message; `images`: (width, height, seed) of each picture in it."""
    frames, found = [], []
    for image in images:
        values, grid = tiles(picture(*image), most=MAX_TILES if split else 1)
        frames.append(values)
        found.append(grid)
    texts = [part for part in parts if part is not None]
    content = "<image>\n" * (len(parts) - len(texts)) + "\n".join(texts)
    text = fast.apply_chat_template(
        [{"role": "user", "content": content}], chat_template=TEMPLATE, tokenize=False, add_generation_prompt=True
    )
    pieces = text.split("<image>")
    expanded = pieces[0]
    for values, piece in zip(frames, pieces[1:], strict=True):
        expanded += "<img>" + "<image>" * (TOKENS * len(values)) + "</img>" + piece
    ids = fast(expanded, add_special_tokens=False)["input_ids"]
    image_token = fast.convert_tokens_to_ids("<image>")
    golden = {"name": name, "parts": parts, "images": [list(image) for image in images], "split": split, "grids": found,
              "input_ids": ids}  # fmt: skip
    features = None
    if frames:
        pixels = torch.from_numpy(np.concatenate(frames))
        golden["pixel_sha256"] = [sha(values) for values in frames]
        with torch.no_grad():
            states = tower(pixels).features
            features = projector(shuffled(states, "v2"))
            golden["last_frame_tower"] = floats(states[-1])
            golden["last_frame_features"] = floats(features[-1])
            golden["last_frame_features_v1"] = floats(projector(shuffled(states, "v1"))[-1])
            golden["last_frame_features_uncornered"] = floats(projector(shuffled(uncornered(pixels).features, "v2"))[-1])
        features = features.reshape(-1, features.shape[-1])
        assert ids.count(image_token) == len(features)
    logits, golden["greedy"] = answers(llm, ids, features, image_token, 32)
    golden["logit_rows"] = sorted({0, 1, len(ids) // 3, len(ids) // 2, len(ids) - 2, len(ids) - 1})
    golden["logits"] = floats(logits[golden["logit_rows"]])
    return golden


def merged(parts):
    """The tensors of saved models under the hub's names."""
    tensors = {}
    for prefix, model in parts.items():
        if isinstance(model, nn.Sequential):
            tensors |= {prefix + name: value.contiguous() for name, value in model.state_dict().items()}
            continue
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            tensors |= {
                prefix + name: value for name, value in load_file(pathlib.Path(folder) / "model.safetensors").items()
            }
    return {name: value for name, value in tensors.items() if ".ls" not in name and "layer_scale" not in name}


def configuration(text):
    return {
        "architectures": ["Llama_Nemotron_Nano_VL"], "model_type": "Llama_Nemotron_Nano_VL", "torch_dtype": "float32",
        "downsample_ratio": 0.5, "force_image_size": TILE, "image_tag_type": "internvl", "patch_size": PATCH,
        "projector_hidden_size": 32, "ps_version": "v2", "template": "llama3-nemotron", "vit_hidden_size": 32,
        "vision_config": {
            "architectures": ["RADIOModel"], "adaptor_names": None, "patch_size": PATCH, "vitdet_window_size": None,
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 1.5,
            "args": {
                "model": "vit_huge_patch16_224", "cls_token_per_teacher": True, "cpe_max_size": TABLE,
                "register_multiple": 8,
                "teachers": [{"name": name} for name in ["clip", "siglip", "dino_v2", "sam"]],
            },
        },
        "llm_config": text,
    }  # fmt: skip


def checkpoint():
    fast = tokenizer()
    tower, text = radio(TABLE), llama(len(fast) + 6)
    text |= {"pad_token_id": fast.pad_token_id, "bos_token_id": fast.bos_token_id, "tie_word_embeddings": False,
             "eos_token_id": [fast.convert_tokens_to_ids(t) for t in ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]]}
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64}  # fmt: skip
    config = LlamaConfig(**text, rope_parameters={**scaling, "rope_theta": 5000.0})
    llm = LlamaForCausalLM._from_config(config, attn_implementation="eager").float().eval()
    projector = nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 32), nn.GELU(), nn.Linear(32, 32)).eval()
    for seed, model in enumerate([tower, llm, projector], start=7):
        randomise(model, seed)
    with torch.no_grad():
        # The module's name does not tell that it is a norm.
        projector[0].weight.add_(1)
        for name, parameter in tower.named_parameters():
            if "layer_scale" in name:
                parameter.fill_(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    tensors = merged({"vision_model.radio_model.": tower, "language_model.": llm, "mlp1.": projector})
    tensors = {name.replace("radio_model.radio_model.", "radio_model."): value for name, value in tensors.items()}
    save_file(tensors, FOLDER / "model.safetensors", metadata={"format": "pt"})
    for name, value in sorted(tensors.items()):
        print(name, tuple(value.shape), value.dtype)
    text |= {"rope_theta": 5000.0, "rope_scaling": scaling}
    write("config.json", configuration(text), indent=2)
    write("generation_config.json", {"do_sample": False, "eos_token_id": text["eos_token_id"], "max_new_tokens": 1024},
          indent=2)
    write("preprocessor_config.json", {
        "image_size": TILE, "max_num_tiles": MAX_TILES, "use_thumbnail": True, "do_rescale": True, "image_mean": None,
        "image_std": None}, indent=2)  # fmt: skip
    fast.save_pretrained(FOLDER)
    settings = json.loads((FOLDER / "tokenizer_config.json").read_text())
    write("tokenizer_config.json", settings | {"chat_template": TEMPLATE}, indent=2)
    parts = (fast, with_positions(tower, True), with_positions(tower, False), projector, llm)
    write("golden.json", {"cases": [
        case("text only", ["What do these two pictures share?"], [], True, *parts),
        case("one picture in tiles", [None, "Describe this image."], [(61, 47, 3)], True, *parts),
        case("one whole picture", [None, "Describe this image."], [(61, 47, 3)], False, *parts),
        case("two pictures", ["First:", None, "then:", None, " Compare them."], [(190, 20, 5), (33, 40, 9)], True, *parts),
    ]})  # fmt: skip


def write(name, content, indent=None):
    separators = (",", ":") if indent is None else None
    (FOLDER / name).write_text(json.dumps(content, indent=indent, separators=separators))


def pixels():
    """Grids and pixel hashes for sizes that make rounding hard, under every setting."""
    sizes = [(61, 47), (64, 48), (100, 30), (10, 10), (192, 108), (100, 99), (300, 10), (10, 300), (1, 1), (1, 200),
             (513, 1), (128, 128), (129, 127), (33, 32), (640, 480), (97, 61)]  # fmt: skip
    settings = {
        "default": {}, "6 tiles": {"most": 6}, "4 tiles": {"most": 4}, "1 tile": {"most": 1}, "twice": {"twice": True},
        "bilinear": {"resample": Image.BILINEAR}, "closest": {"rule": closest_ratio}, "no thumbnail": {"thumbnail": False},
    }  # fmt: skip
    rows = []
    for name, options in settings.items():
        for seed, (width, height) in enumerate(sizes):
            values, grid = tiles(picture(width, height, seed), **options)
            rows.append({"setting": name, "width": width, "height": height, "seed": seed, "rows": grid[0],
                         "columns": grid[1], "frames": len(values), "sha256": sha(values)})  # fmt: skip
    write("pixels.json", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    checkpoint()
    pixels()

"""Makes Tests/Fixtures/tokenizer/{llama2,vicuna,gemma3}.*: three small tokenizers of the kind that SentencePiece models are
converted to (BPE over characters with byte fallback), and hashes of what Hugging Face makes of 4 096 strings with each.

Run with: python Tests/Reference/sentencepiece_goldens.py      (tokenizers 0.23.3)

Strings, hashes and rows are those of tokenizer_goldens.py.
"""

import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizer_goldens import OUT, corpus, plain, random_decodings, rows, special

ROWS = 512
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def train(texts, size, before, alphabet=160):
    """A vocabulary in SentencePiece's order: `before`, bytes, and what merges make; few characters, so that many fall back."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, limit_alphabet=alphabet, show_progress=False, special_tokens=[*before, *BYTES]
    )
    # Without brackets, so that no merges make what is to be a special token: Docent would leave those out.
    tokenizer.train_from_iterator((text.replace("<", "") for text in texts), trainer)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] not in BYTES]
    data["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(data))


def joining(strips):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strips else []))


def llama2_steps(tokenizer):
    """The first conversions of Llama 2."""
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = joining(True)
    return tokenizer


def vicuna_steps(tokenizer):
    """Today's conversions (`legacy: false`)."""
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = joining(True)
    return tokenizer


def gemma3_steps(tokenizer):
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = joining(False)
    return tokenizer


def tokenizers():
    texts = [*corpus()]
    llama2 = llama2_steps(train(texts, 1200, ["<unk>", "<s>", "</s>"]))
    llama2.add_special_tokens([special("<image>"), special("<mask>", lstrip=True), special("<one>", single_word=True)])
    llama2.add_tokens([plain("<tool_call>"), plain("</tool_call>")])
    vicuna = vicuna_steps(train(texts, 1200, ["<unk>", "<s>", "</s>"]))
    vicuna.add_special_tokens([special("<image>"), special("<|im_end|>"), special("<right>", rstrip=True)])
    vicuna.add_tokens([plain("camelCase", normalized=True), plain("<left>", lstrip=True)])
    gemma3 = gemma3_steps(train(texts, 1500, ["<pad>", "<eos>", "<bos>", "<unk>"]))
    gemma3.add_special_tokens([special("<image>"), special("<|im_start|>"), special("<|im_end|>")])
    gemma3.add_tokens([plain("\n"), plain("\n\n"), plain("\n\n\n"), plain("▁▁"), plain("</div>")])
    return {"llama2": llama2, "vicuna": vicuna, "gemma3": gemma3}


def main():
    for name, tokenizer in tokenizers().items():
        path = os.path.join(OUT, f"{name}.json")
        data = json.loads(tokenizer.to_str())
        if name == "llama2":  # the form of files before tokenizers 0.20
            data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
        with open(path, "w") as file:
            json.dump(data, file, ensure_ascii=False, separators=(",", ":"))
        tokenizer = Tokenizer.from_file(path)
        made = [row for row, _ in zip(rows(tokenizer), range(ROWS))]
        with open(os.path.join(OUT, f"{name}.hashes"), "w") as file:
            file.write("\n".join(made) + "\n")
        with open(os.path.join(OUT, f"{name}.decodings"), "w") as file:
            file.write("\n".join(random_decodings(tokenizer)) + "\n")


if __name__ == "__main__":
    main()

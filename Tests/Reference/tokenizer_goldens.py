"""Makes Tests/Fixtures/tokenizer: four small tokenizers, and hashes of what Hugging Face makes of 20 480 strings with
these and with the tokenizer of docent-mini.

Run with: python Tests/Reference/tokenizer_goldens.py      (tokenizers 0.23.3)

The strings are not stored: `Generator` here and in TokenizerDifferentialTests.swift make the same ones. For every
8 strings and every tokenizer a row holds FNV-1a hashes of: the strings, the ids with special tokens recognised, the
ids with special tokens left as text, and the decoded text with and without special tokens.
"""

import json
import os
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = os.path.join(os.path.dirname(__file__), "..", "Fixtures", "tokenizer")
MINI = os.path.join(os.path.dirname(__file__), "..", "..", "Sources", "docent", "docent-mini", "tokenizer.json")
STRINGS, GROUP = 20480, 8
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")

ATOMS = [
    "the", " the", " a", "an", " image", " of", "Caption", " this", " picture", "photo", " dog", "dogs", " running", "HTTP",
    "hello", " world", "Hello", " World", "I'm", "we'll", "they've", "you're", "he'd", "it's", "don't", "I'M", "WE'LL", "'S",
    "'\u017f", "'\u017fe", "'lL", "'Ve", "''s", "' s", " 's", "'", "''", "\u2019s", "def f(x):\n    return x", "for (int i = 0; i < n; ++i) {",
    "\n}\n", "    ", "\t\tif", "let x = [1, 2, 3]", "SELECT * FROM t;", "<div class=\"a\">", "</div>", "// comment\n", "#!/bin/sh\n",
    "a_b_c", "camelCase", "x += 1;", "0x1F", "3.14159", "1,234,567", "12", "123", "1234", "12345678", "2024-01-31", "\u00bd", "\u00b2", "\u2167",
    "\u0661\u0662\u0663", "\u0967\u0968", "\U0001d7d8\U0001d7d9", "\u3007", "\u4e00\u4e8c", " ", "  ", "   ", "        ", "\n", "\n\n", "\n\n\n", "\r\n", "\r", " \n", "\n ", " \n ",
    "\t", "\t\t", " \t", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085", "\u200b", "\u200d", "\ufeff", "\u180e", "\x1c", "\x00", "\x01\x02", "\x7f", "\x1b[0m",
    "caf\u00e9", "cafe\u0301", "na\u00efve", "Stra\u00dfe", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "\u212b", "\ufb01ne", "\u1e9b\u0323", "\u0041\u0300\u0301",
    "\u0440\u0443\u0441\u0441\u043a\u0438\u0439", " \u044f\u0437\u044b\u043a", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac", "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0baa\u0bca", "\u09ac\u09be\u0982\u09b2\u09be",
    "\u4f60\u597d", "\u4e16\u754c\uff0c", "\u65e5\u672c\u8a9e", "\u3072\u3089\u304c\u306a", "\u30ab\u30bf\u30ab\u30ca", "\uff76\uff9e", "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab", "\u1f08", "\u10d0\u10d1", "\u12a0\u121b",
    "\U0001f600", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1eb\U0001f1f7", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e007f", " \U0001f600", "!\U0001f600",
    "!", "?!", "...", "\u2026", "--", "\u2014", "(", ")", "[", "]{}", "@user", "#tag", "$5.00", "50%", "&amp;", "*", "**bold**", "_", "\\n", "|", "~", "`code`", "\"", "\u201cquoted\u201d",
    "\u0301", "\u0327\u0301", "e\u0327\u0301", "\u0344", "\u0f73", "\u2126", "\uf900", "\U0002f800", "\u0958", "\u1100\u1161", "\uac00\u11a8", "\U0001d15e", "\u0dca", "\u09c7\u09be", "\ufffd", "\ufffe", "\U0010ffff",
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<fake_token_around_image>", "<row_1_col_2>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|vision_start|>", "<|image_pad|>",
    "<tool_call>", "</tool_call>", "<think>", "<|im_", "start|>", "<", "<|", "|>", "<ima", "ge>", "<|im_start|><|im_end|>", "<mask>", " <mask> ", "<mask>.", "<left>", " \n<left>", "<right>", "<right>  \n", "<one>", "<one>x", "x<one>", "_<one>", "\u0301<one>", "\u00e9t\u00e9", "na\u00efvet\u00e9<image>", "\u1e9b\u0323<|im_end|>\u0301",
]  # fmt: skip
RANGES = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x2000, 0x206F),
    (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x00, 0x1F), (0x10000, 0x1FFFF), (0x1E00, 0x1FFF), (0xA640, 0xABFF), (0x00, 0x10FFFF),
]  # fmt: skip


class Generator:
    """A linear congruential generator (Knuth's MMIX constants), simple enough to write twice."""

    def __init__(self, seed):
        self.state = seed

    def next(self, below):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % below

    def scalar(self):
        low, high = RANGES[self.next(len(RANGES))]
        value = low + self.next(high - low + 1)
        return chr(0xFFFD if 0xD800 <= value <= 0xDFFF else value)

    def string(self):
        parts = []
        for _ in range(1 + self.next(10)):
            kind = self.next(10)
            if kind < 7:
                parts.append(ATOMS[self.next(len(ATOMS))])
            elif kind == 7:
                parts.extend(self.scalar() for _ in range(1 + self.next(4)))
            elif kind == 8:
                atom = ATOMS[self.next(len(ATOMS))]
                parts.extend([atom] * (1 + self.next(6)))
            else:
                space = " \n\t\r"[self.next(4)]
                parts.extend([space] * (1 + self.next(20)))
        return "".join(parts)


def fnv(pieces):
    value = 0x811C9DC5
    for byte in pieces:
        value = ((value ^ byte) * 0x01000193) % 2**32
    return value


def hash_ids(lists):
    return fnv(b for ids in lists for i in [*ids, 0xFFFFFFFF] for b in i.to_bytes(4, "little"))


def hash_texts(texts):
    return fnv(b for text in texts for b in text.encode() + b"\xff")


def corpus():
    generator, words = Generator(7), random.Random(7)
    plain = [a for a in ATOMS if "<" not in a]
    for _ in range(6000):
        yield generator.string()
    for _ in range(6000):
        yield " ".join(words.choice(plain) for _ in range(8))


def special(text, **flags):
    return AddedToken(text, special=True, normalized=False, **flags)


def plain(text, **flags):
    return AddedToken(text, special=False, normalized=flags.pop("normalized", False), **flags)


def train(pre_tokenizer, size, normalizer=None, ignore_merges=False, **model):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges, **model))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False, special_tokens=[]
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def tokenizers():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

    def split(pattern):
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level])

    llama3 = train(split(LLAMA3), 2000, ignore_merges=True)
    llama3.add_special_tokens([special(t) for t in ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<image>"]])
    qwen2 = train(split(QWEN2), 2000, normalizer=normalizers.NFC())
    qwen2.add_special_tokens([special(t) for t in ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>"]])
    qwen2.add_tokens([plain("<tool_call>"), plain("</tool_call>"), plain("<think>", normalized=True), plain("e\u0301t\u00e9", normalized=True)])
    smollm2 = train(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]), 1500
    )
    smollm2.add_special_tokens([special(t) for t in ["<|im_start|>", "<|im_end|>", "<image>", "<fake_token_around_image>", "<row_1_col_2>"]])
    gpt2 = train(pre_tokenizers.ByteLevel(add_prefix_space=False), 1000)
    gpt2.add_special_tokens([special("<|endoftext|>"), special("<mask>", lstrip=True), special("<one>", single_word=True)])
    gpt2.add_tokens(
        [plain("<left>", lstrip=True), plain("<right>", rstrip=True, normalized=True), plain("camelCase", normalized=True), plain("na\u00efve")]
    )
    return {"llama3": llama3, "qwen2": qwen2, "smollm2": smollm2, "gpt2": gpt2}


def compact(tokenizer, name):
    data = json.loads(tokenizer.to_str())
    if name == "gpt2":  # the form of files before tokenizers 0.20
        data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    path = os.path.join(OUT, f"{name}.json")
    with open(path, "w") as file:
        json.dump(data, file, ensure_ascii=False, separators=(",", ":"))
    return Tokenizer.from_file(path)


def rows(tokenizer):
    generator = Generator(2026)
    for _ in range(STRINGS // GROUP):
        strings = [generator.string() for _ in range(GROUP)]
        tokenizer.encode_special_tokens = False
        ids = [tokenizer.encode(s, add_special_tokens=False).ids for s in strings]
        tokenizer.encode_special_tokens = True
        untrusted = [tokenizer.encode(s, add_special_tokens=False).ids for s in strings]
        hashes = [
            hash_texts(strings),
            hash_ids(ids),
            hash_ids(untrusted),
            hash_texts(tokenizer.decode(i, skip_special_tokens=False) for i in ids),
            hash_texts(tokenizer.decode(i, skip_special_tokens=True) for i in ids),
        ]
        yield " ".join(f"{h:08x}" for h in hashes)


def random_decodings(tokenizer):
    """Ids drawn at random decode to broken UTF-8: 512 rows of 4 sequences."""
    generator, size = Generator(99), tokenizer.get_vocab_size()
    for _ in range(512):
        sequences = [[generator.next(size) for _ in range(1 + generator.next(24))] for _ in range(4)]
        yield f"{hash_texts(tokenizer.decode(s, skip_special_tokens=False) for s in sequences):08x}"


def classes():
    """Ranges of scalars that the regular expressions of `tokenizers` take for letters, numbers and whitespace."""
    text = "".join(chr(v) for v in range(0x110000) if not 0xD800 <= v <= 0xDFFF)
    result = {}
    for name, pattern in [("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s")]:
        found = pre_tokenizers.Split(Regex(pattern + "+"), "removed", invert=True).pre_tokenize_str(text)
        # Runs end at the surrogates, which the text leaves out; no class holds both neighbours.
        result[name] = [[ord(run[0]), ord(run[-1])] for run, _ in found]
    return result


def main():
    with open(os.path.join(OUT, "classes.json"), "w") as file:
        json.dump(classes(), file, separators=(",", ":"))
    with open(os.path.join(OUT, "atoms.json"), "w") as file:
        json.dump({"atoms": ATOMS, "ranges": RANGES}, file, separators=(",", ":"))
    made = {name: compact(tokenizer, name) for name, tokenizer in tokenizers().items()}
    made["docent-mini"] = Tokenizer.from_file(MINI)
    for name, tokenizer in made.items():
        with open(os.path.join(OUT, f"{name}.hashes"), "w") as file:
            file.write("\n".join(rows(tokenizer)) + "\n")
        with open(os.path.join(OUT, f"{name}.decodings"), "w") as file:
            file.write("\n".join(random_decodings(tokenizer)) + "\n")


if __name__ == "__main__":
    main()

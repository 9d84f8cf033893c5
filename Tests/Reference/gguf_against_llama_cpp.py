"""Greedy answers of Docent, of llama.cpp and of an exact f32 computation about one GGUF file of a Llama.

    pip install gguf==0.19.0 numpy
    llama-quantize --allow-requantize FILE.gguf f32.gguf F32
    llama-server -m FILE.gguf -t 2 -np 1 --port 18931
    llama-server -m f32.gguf -t 2 -np 1 --port 18933
    docent serve --model FILE.gguf --port 18932 --database /tmp/d.sqlite
    python gguf_against_llama_cpp.py FILE.gguf http://127.0.0.1:18932 http://127.0.0.1:18931 http://127.0.0.1:18933 [TOKENS]

llama.cpp rounds activations to 8 bits in front of quantised weights, and not in front of f32.gguf, which holds the very
values of FILE.gguf. The f32 computation dequantises with the gguf package and takes its prompts' ids from llama-server, so
it shares nothing with Docent; it turns neighbouring rows as llama.cpp does. Where Docent parts from another, the gap
between the two tokens' log-probabilities is shown as each sees it after the same words.
"""

import json
import sys
import urllib.request

import gguf
import numpy as np

USER = [
    "What is the capital of France?",
    "Write a haiku about the sea.",
    "Explain in two sentences why the sky is blue.",
    "List five fruits.",
    "Translate to Spanish: The house is green.",
    "What is 17 + 25? Answer with the number only.",
    "Write a Python function that returns the n-th Fibonacci number.",
    "Who wrote Romeo and Juliet?",
    "Give me three tips for learning to swim.",
    "Summarise: The cat sat on the mat. The dog barked. The cat ran away up a tree and did not come down until evening.",
    "Was ist die Hauptstadt von Österreich?",
    "请用中文介绍一下你自己。",
    "Rewrite politely: Give me the report now!",
    "What does HTTP stand for?",
    "Name the planets of the solar system in order.",
    "Tell me a joke about computers 😀",
    "Describe a rainy street at night.",
    "How do I boil an egg?",
    "Convert 100 degrees Fahrenheit to Celsius.",
    "What's the difference between a list and a tuple in Python?",
    "Write an SQL query that counts the rows of the table orders for each customer.",
    "Continue the story: Once upon a time, a small robot found a key in the garden.",
    "Which is heavier, a kilogram of feathers or a kilogram of iron?",
    "Complete: 2, 4, 8, 16,",
    "I'm   feeling\n\nsad today.\tWhat should I do?",
    "Classify the sentiment of: I can't believe how good this was!!!",
]
CHATS = [[{"role": "user", "content": text}] for text in USER] + [
    [{"role": "system", "content": "You answer in one short sentence."}, {"role": "user", "content": "What is gravity?"}],
    [
        {"role": "user", "content": "My name is Ada and I live in Vienna."},
        {"role": "assistant", "content": "Nice to meet you, Ada!"},
        {"role": "user", "content": "Where do I live?"},
    ],
]


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def chat(url, messages, tokens, reference):
    """The answer's text, its tokens as bytes, their alternatives, and the prompt's length.

    llama-server gives ids, but no bytes for marks, and the parts of a character as one step with the last one's id; Docent
    gives bytes and no ids.
    """
    body = dict(messages=messages, max_tokens=tokens, temperature=0, logprobs=True, top_logprobs=20, cache_prompt=False)
    answer = post(url + "/v1/chat/completions", body)
    choice = answer["choices"][0]
    word = lambda one: reference.bytes_of(one["id"]) if "id" in one else bytes(one["bytes"])
    chosen, steps = [], []
    for step in choice["logprobs"]["content"]:
        whole, last = bytes(step["bytes"]), word(step)
        if whole.endswith(last) and whole != last:
            chosen.append(whole[: -len(last)])
            steps.append({})
        chosen.append(last)
        steps.append({word(one): one["logprob"] for one in step["top_logprobs"]})
    # An answer may end within a character.
    return choice["message"]["content"].rstrip("\ufffd"), chosen, steps, answer["usage"]["prompt_tokens"]


class Reference:
    """A Llama in f32, one sequence at a time."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        get = lambda key: reader.fields[key].contents()
        self.layers = get("llama.block_count")
        self.heads, self.kv = get("llama.attention.head_count"), get("llama.attention.head_count_kv")
        self.epsilon = get("llama.attention.layer_norm_rms_epsilon")
        self.size = get("llama.embedding_length") // self.heads
        self.tokens = get("tokenizer.ggml.tokens")
        self.kinds = get("tokenizer.ggml.token_type")
        self.end = get("tokenizer.ggml.eos_token_id")
        self.ids = {self.bytes_of(token): token for token in reversed(range(len(self.tokens)))}
        self.frequencies = get("llama.rope.freq_base") ** (-np.arange(0, self.size, 2, dtype=np.float64) / self.size)
        self.weights = {
            t.name: np.ascontiguousarray(gguf.dequantize(t.data, t.tensor_type), np.float32) for t in reader.tensors
        }
        self.weights.setdefault("output.weight", self.weights["token_embd.weight"])

    def linear(self, x, name):
        return x @ self.weights[name].T

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.epsilon)) * self.weights[name]

    def turn(self, x, start):
        """x [rows, heads, size]; neighbours are pairs."""
        angles = np.arange(start, start + len(x))[:, None] * self.frequencies
        cos, sin = np.cos(angles).astype(np.float32)[:, None], np.sin(angles).astype(np.float32)[:, None]
        even, odd = x[..., 0::2], x[..., 1::2]
        return np.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)

    def start(self):
        self.cache = [(np.zeros((0, self.kv, self.size), np.float32),) * 2 for _ in range(self.layers)]

    def logits(self, ids):
        """Log-probabilities after each of `ids`, which follow what the cache holds."""
        x = self.weights["token_embd.weight"][ids]
        start = len(self.cache[0][0])
        for layer in range(self.layers):
            name = f"blk.{layer}."
            h = self.norm(x, name + "attn_norm.weight")
            q = self.turn(self.linear(h, name + "attn_q.weight").reshape(len(ids), self.heads, -1), start)
            k = self.turn(self.linear(h, name + "attn_k.weight").reshape(len(ids), self.kv, -1), start)
            v = self.linear(h, name + "attn_v.weight").reshape(len(ids), self.kv, -1)
            keys, values = np.concatenate([self.cache[layer][0], k]), np.concatenate([self.cache[layer][1], v])
            self.cache[layer] = keys, values
            scores = np.einsum("qgrd,kgd->grqk", q.reshape(len(ids), self.kv, -1, self.size), keys)
            scores = scores / np.float32(np.sqrt(self.size))
            hidden = np.arange(len(keys))[None] > start + np.arange(len(ids))[:, None]
            scores = np.where(hidden, np.float32(-np.inf), scores)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = np.einsum("grqk,kgd->qgrd", scores / scores.sum(-1, keepdims=True), values)
            x = x + self.linear(mixed.reshape(len(ids), -1), name + "attn_output.weight")
            h = self.norm(x, name + "ffn_norm.weight")
            gate, up = self.linear(h, name + "ffn_gate.weight"), self.linear(h, name + "ffn_up.weight")
            x = x + self.linear(gate / (1 + np.exp(-gate)) * up, name + "ffn_down.weight")
        logits = self.linear(self.norm(x, "output_norm.weight"), "output.weight").astype(np.float64)
        top = logits.max(-1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))

    def greedy(self, ids, count, guess):
        """The answer, and the log-probabilities before each of its tokens and after the last.

        A right `guess` of the answer takes one pass instead of one a token.
        """
        self.start()
        rows = list(self.logits(ids + guess)[len(ids) - 1 :])
        right = next((i for i, token in enumerate(guess) if rows[i].argmax() != token), len(guess))
        answer, rows = guess[:right], rows[: right + 1]
        if right < len(guess):
            self.start()
            self.logits(ids + answer)
        while len(answer) < count and (token := int(rows[-1].argmax())) != self.end:
            answer.append(token)
            rows.append(self.logits([token])[-1])
        return answer, rows

    def bytes_of(self, token):
        text = self.tokens[token]
        return text.encode() if self.kinds[token] != 1 else bytes(BYTES[c] for c in text)


def byte_alphabet():
    """GPT-2's printable stand-ins: printable Latin-1 stands for itself, the rest follows from U+0100."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in own]
    return {chr(byte): byte for byte in own} | {chr(0x100 + i): byte for i, byte in enumerate(rest)}


BYTES = byte_alphabet()


def main(path, docent, llama, llama_f32, count=40):
    reference = Reference(path)
    end = reference.bytes_of(reference.end)
    servers = {"Docent": docent, "llama.cpp": llama, "llama.cpp on F32": llama_f32}
    names = [*servers, "exact f32"]
    same = {(a, b): 0 for i, a in enumerate(names) for b in names[i + 1 :]}
    errors = {name: [] for name in servers}
    prompts = 0
    for number, messages in enumerate(CHATS):
        text = post(llama + "/apply-template", {"messages": messages})["prompt"]
        ids = post(llama + "/tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]
        texts, chosen, steps = {}, {}, {}
        for name, url in servers.items():
            texts[name], chosen[name], steps[name], length = chat(url, messages, count, reference)
            prompts += name == "Docent" and length == len(ids)
        guess = [reference.ids[word] for word in chosen["Docent"] if word != end]
        exact, rows = reference.greedy(ids, count, guess)
        chosen["exact f32"] = [reference.bytes_of(token) for token in exact]
        texts["exact f32"] = b"".join(chosen["exact f32"]).decode(errors="replace").rstrip("\ufffd")
        if len(exact) < count:
            chosen["exact f32"].append(end)
        steps["exact f32"] = [{reference.bytes_of(t): row[t] for t in np.argsort(row)[-200:]} for row in rows]
        for a, b in same:
            same[a, b] += texts[a] == texts[b]
        # How far the likeliest token's log-probability is from the exact one, while all that came before is the same.
        for name, found in errors.items():
            for step, word, row, own in zip(steps[name], chosen["exact f32"], steps["exact f32"], chosen[name]):
                if word in step:
                    found.append(abs(step[word] - row[word]))
                if own != word:
                    break
        verdict = "same" if len(set(texts.values())) == 1 else "DIFFERENT"
        print(f"{number + 1:2} {verdict:9} {len(ids)} tokens  {messages[-1]['content'][:50]!r}", flush=True)
        for title in names[1:]:
            if texts[title] == texts["Docent"]:
                continue
            pairs = enumerate(zip(chosen["Docent"], chosen[title]))
            part = next((i for i, (a, b) in pairs if a != b), None)
            if part is None:
                continue
            one, other = chosen["Docent"][part], chosen[title][part]
            shown = ", ".join(
                f"{name} {steps[name][part][one] - steps[name][part][other]:+.4f}"
                for name in names
                if chosen[name][:part] == chosen["Docent"][:part]
                and one in steps[name][part] and other in steps[name][part]
            )
            print(f"   from {title} at token {part + 1}: {one!r} over {other!r} by {shown}", flush=True)
    print(f"Prompts that Docent takes for as many tokens as llama.cpp: {prompts} of {len(CHATS)}")
    for (a, b), n in same.items():
        print(f"{a} = {b}: {n} of {len(CHATS)}")
    for name, found in errors.items():
        print(
            f"|log-probability − exact| of {name}: median {np.median(found):.4f}, "
            f"95 % {np.quantile(found, 0.95):.4f}, largest {max(found):.4f}, {len(found)} tokens"
        )


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:6]))

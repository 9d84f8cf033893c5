"""Requests a second of two OpenAI-compatible servers that see the same pictures, in turns.

    llama-server -m TEXT.gguf --mmproj MMPROJ.gguf -t 2 -np 8 -c 16384 --port 8081
    docent serve --model FOLDER --quantize q8 --threads 2 --port 8082
    python3 Tests/Reference/serving_against_llama_server.py http://127.0.0.1:8081 http://127.0.0.1:8082 PICTURES...

Every request has a picture of its own, 30 words of text and 64 tokens of answer. Give each picture once in a server's life:
neither is to answer from a cache.
"""

import argparse
import base64
import json
import statistics
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

QUESTION = " ".join(["Say what this picture shows."] * 6)


def ask(url: str, picture: bytes, tokens: int) -> float:
    """Seconds until the answer is complete; it must have the tokens that were asked for."""
    image = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    content = [{"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": QUESTION}]
    body = {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": tokens, "min_tokens": tokens, "ignore_eos": True, "temperature": 0,
    }
    request = urllib.request.Request(
        url + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=900) as response:
        usage = json.load(response)["usage"]
    assert usage["completion_tokens"] == tokens, usage
    return time.perf_counter() - start


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("servers", nargs=2)
    arguments.add_argument("pictures", nargs="+", type=Path)
    arguments.add_argument("--concurrency", type=int, default=4)
    arguments.add_argument("--tokens", type=int, default=64)
    given = arguments.parse_args()
    pictures = [path.read_bytes() for path in given.pictures]
    rates = []
    for server in given.servers:
        start = time.perf_counter()
        with ThreadPoolExecutor(given.concurrency) as pool:
            times = list(pool.map(lambda picture: ask(server, picture, given.tokens), pictures))
        rates.append(len(pictures) / (time.perf_counter() - start))
        print(f"{server}: {rates[-1]:.3f} requests/s, median {statistics.median(times):.1f} s", flush=True)
    print(f"second / first: {rates[1] / rates[0]:.2f}")


if __name__ == "__main__":
    main()

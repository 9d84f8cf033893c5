"""Makes Tests/Fixtures/inference/sampling.json: what each rule of sampling leaves of small tables of logits.

Written with numpy 2.x from the definitions, in the order vLLM applies them: logit bias, forbidden end tokens, repetition,
frequency and presence penalties, temperature, min-p, top-k, top-p, softmax.

    python3 Tests/Reference/inference_sampling.py
"""

import json
import pathlib

import numpy as np

VOCABULARY = 24


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def distribution(logits, prompt, answer, p):
    logits = logits.astype(np.float64).copy()
    for token, amount in p.get("logitBias", {}).items():
        logits[int(token)] += amount
    if len(answer) < p.get("minTokens", 0):
        logits[p["endTokens"]] = -np.inf
    repetition = p.get("repetitionPenalty", 1)
    for token in set(prompt) | set(answer):
        logits[token] = logits[token] / repetition if logits[token] > 0 else logits[token] * repetition
    counts = np.bincount(answer, minlength=VOCABULARY) if answer else np.zeros(VOCABULARY)
    logits -= counts * p.get("frequencyPenalty", 0) + (counts > 0) * p.get("presencePenalty", 0)
    logits /= p.get("temperature", 1)
    if p.get("minP", 0) > 0:
        probabilities = softmax(logits)
        logits[probabilities < p["minP"] * probabilities.max()] = -np.inf
    if p.get("topK", 0) > 0:
        logits[logits < np.sort(logits)[-p["topK"]]] = -np.inf
    if p.get("topP", 1) < 1:
        order = np.argsort(logits)
        cumulative = np.cumsum(softmax(logits)[order])
        drop = cumulative <= 1 - p["topP"]
        drop[-1] = False
        logits[order[drop]] = -np.inf
    return softmax(logits)


def main():
    random = np.random.default_rng(20240)
    parameters = [
        {},
        {"temperature": 0.7},
        {"temperature": 1.8},
        {"topK": 1},
        {"topK": 5},
        {"topP": 0.05},
        {"topP": 0.6},
        {"topP": 0.95},
        {"minP": 0.1},
        {"minP": 1.0},
        {"topK": 6, "topP": 0.7},
        {"minP": 0.05, "topK": 9, "topP": 0.8, "temperature": 1.5},
        {"repetitionPenalty": 1.3},
        {"repetitionPenalty": 0.8},
        {"frequencyPenalty": 0.7},
        {"presencePenalty": 1.5},
        {"frequencyPenalty": -0.5, "presencePenalty": -1, "repetitionPenalty": 1.1, "temperature": 0.5},
        {"logitBias": {"3": 4.5, "7": -100}},
        {"minTokens": 9, "endTokens": [1, 4]},
        {"minTokens": 2, "endTokens": [1, 4]},
        {"logitBias": {"2": 3}, "repetitionPenalty": 1.5, "topP": 0.5, "temperature": 1.2},
    ]
    cases = []
    for p in parameters:
        logits = np.float32(random.normal(0, 2.5, VOCABULARY))
        prompt = random.integers(0, VOCABULARY, 6).tolist()
        answer = random.integers(0, VOCABULARY, 5).tolist()
        cases.append({
            "parameters": p, "logits": [float(x) for x in logits], "prompt": prompt, "answer": answer,
            "probabilities": [float(f"{x:.9g}") for x in distribution(logits, prompt, answer, p)],
        })
    path = pathlib.Path(__file__).parent.parent / "Fixtures/inference/sampling.json"
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")


main()

"""Times one 512 x 512 frame of SmolVLM-256M's vision tower and connector in PyTorch, random weights, two threads.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch transformers
    /tmp/torch/bin/python Tests/Reference/vision_against_pytorch.py [THREADS] [REPETITIONS]

To be run in turns with `docent bench --random-weights Tests/Fixtures/configurations/smolvlm-256m/config.json --only encode`.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch
from transformers import Idefics3Config
from transformers.models.idefics3.modeling_idefics3 import Idefics3Connector, Idefics3VisionTransformer

CONFIGURATION = Path(__file__).parent.parent / "Fixtures/configurations/smolvlm-256m/config.json"


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.set_num_threads(threads)
    configuration = Idefics3Config(**json.loads(CONFIGURATION.read_text()))
    configuration.vision_config._attn_implementation = "sdpa"
    for name, kind in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        tower = Idefics3VisionTransformer(configuration.vision_config).to(kind).eval()
        connector = Idefics3Connector(configuration).to(kind).eval()
        frame = torch.rand(1, 3, 512, 512, dtype=kind)
        times = []
        with torch.inference_mode():
            for repetition in range(repetitions + 1):
                start = time.perf_counter()
                connector(tower(frame).last_hidden_state)
                if repetition:  # the first is not counted
                    times.append(time.perf_counter() - start)
        print(f"PyTorch {torch.__version__} {name}: {1000 * statistics.median(times):.0f} ms", flush=True)


if __name__ == "__main__":
    main()

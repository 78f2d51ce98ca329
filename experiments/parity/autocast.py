"""How far PyTorch's own mixed precision is from double precision.

    python3 autocast.py SHARP.json ... > AUTOCAST.json

Runs the settings of sharp files in single precision under `torch.autocast('cpu', torch.bfloat16)`, and prints for each
file the distance of losses and logits from those in double precision that it has: of all of them as a vector, relative.
test/local/golden-bf16.test.ts compares this package's bf16 with it.
"""
import json
import sys

import torch

from published.run import Run


def apart(found, expected):
    f, e = (torch.tensor(list(flat(numbers)), dtype=torch.float64) for numbers in (found, expected))
    return ((f - e).norm() / e.norm()).item()


def flat(numbers):
    for each in numbers:
        if isinstance(each, list):
            yield from flat(each)
        else:
            yield each


def main():
    torch.set_num_threads(1)
    found = {}
    for path in sys.argv[1:]:
        name = path.split("/golden/")[-1]
        with open(path) as file:
            golden = json.load(file)
        with torch.autocast("cpu", torch.bfloat16):
            run = Run(golden, torch.float32).run()
        precise = golden["float64"]
        found[name] = {
            "loss": float(f"{apart(run['loss_trace'], precise['loss_trace']):.3g}"),
            "logits": float(f"{apart(run['eval_logits'], precise['eval_logits']):.3g}"),
        }
        print(name, found[name], file=sys.stderr, flush=True)
    json.dump(found, sys.stdout, indent=2)
    print()


main()

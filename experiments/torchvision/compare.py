"""Loads exported networks into torchvision's, strictly, and compares their logits.

    npm run -s build && /usr/bin/python3 experiments/torchvision/compare.py [--record] [CASE ...]

Without cases all of cases.mjs. Prints a line for each and exits with 1 if one has a missing or unexpected key or logits
off by more than 1e-4 of the largest; in training mode, where batch statistics amplify rounding through a hundred
layers, twice what torchvision's own single precision is off from its double precision, if that is more. With --record,
torchvision's numbers in double precision go to test/fixtures/torchvision.json, which the ordinary tests check our
networks against.
"""
import hashlib
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.vision_transformer import EncoderBlock

here = Path(__file__).resolve().parent
fixture = here.parent.parent / "test" / "fixtures" / "torchvision.json"
tolerance = 1e-4
recorded_logits = 6


def read_safetensors(path):
    """https://github.com/huggingface/safetensors: header length, JSON header, values."""
    types = {"F32": np.float32, "I64": np.int64}
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], types[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors


class MeanPooledTransformer(nn.Module):
    """torchvision's encoder blocks and names without a class token: the mean of the tokens is classified."""

    def __init__(self, image_size, patch, depth, width, heads, mlp_width, classes):
        super().__init__()
        self.conv_proj = nn.Conv2d(3, width, patch, patch)
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, (image_size // patch) ** 2, width))
        norm = lambda size: nn.LayerNorm(size, eps=1e-6)
        self.encoder.layers = nn.Sequential()
        for i in range(depth):
            block = EncoderBlock(heads, width, mlp_width, 0.0, 0.0, norm)
            self.encoder.layers.add_module(f"encoder_layer_{i}", block)
        self.encoder.ln = norm(width)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(width, classes))

    def forward(self, x):
        tokens = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = self.encoder.ln(self.encoder.layers(tokens + self.encoder.pos_embedding))
        return self.heads(tokens.mean(1))


def reference(name, size):
    if name == "vit":
        return MeanPooledTransformer(size, 8, 6, 192, 3, 4 * 192, 1000)
    return getattr(torchvision.models, name.split("_224")[0])(weights=None)


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return model


def relative(found, expected):
    return ((found.double() - expected.double()).abs().max() / expected.abs().max()).item()


def norm(tensors):
    return math.sqrt(sum(t.double().square().sum().item() for t in tensors))


def compare(name, folder):
    told = subprocess.run(
        ["node", str(here / "export.mjs"), name, folder], check=True, capture_output=True, text=True
    ).stdout
    state = read_safetensors(Path(folder) / "weights.safetensors")
    ours = read_safetensors(Path(folder) / "outputs.safetensors")
    images = ours["images"]

    model = reference(name, images.shape[-1])
    own = model.state_dict()
    keys = {"missing": sorted(own.keys() - state.keys()), "unexpected": sorted(state.keys() - own.keys())}
    model.load_state_dict(state, strict=True)

    errors = {}
    with torch.no_grad():
        single = model.eval()(images)
        single_training = without_dropout(model.train())(images)
    errors["evaluation"] = relative(ours["evaluation"], single)
    errors["training"] = relative(ours["training"], single_training)

    model.load_state_dict(state, strict=True)
    model.double()
    with torch.no_grad():
        evaluation = model.eval()(images.double())
    training = without_dropout(model.train())(images.double())
    errors["evaluation, double"] = relative(ours["evaluation"], evaluation)
    errors["training, double"] = relative(ours["training"], training)

    rounding = {"evaluation": relative(single, evaluation), "training": relative(single_training, training)}

    labels = torch.tensor([7 * i % 1000 for i in range(len(images))])
    F.cross_entropy(training, labels).backward()
    parameters = dict(model.named_parameters())
    first, middle = list(parameters)[0], [n for n, p in parameters.items() if p.dim() == 4 or "in_proj_weight" in n]
    gradients = {n: norm([parameters[n].grad]) for n in (first, middle[len(middle) // 2], list(parameters)[-1])}
    after = model.state_dict()
    shapes = "".join(f"{n} {'x'.join(map(str, t.shape))}\n" for n, t in sorted(own.items()))
    recorded = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "keys": len(own),
        "shapes": hashlib.sha256(shapes.encode()).hexdigest(),
        **{
            mode: {
                "largest": logits.abs().max().item(),
                "rounding": rounding[mode],
                "logits": logits[:, :recorded_logits].tolist(),
            }
            for mode, logits in (("evaluation", evaluation), ("training", training))
        },
        "gradients": gradients,
        "running": {
            kind: norm(t for n, t in after.items() if n.endswith(kind)) for kind in ("running_mean", "running_var")
        },
    }
    allowed = {mode: max(tolerance, 2 * error) for mode, error in rounding.items()}
    passed = not keys["missing"] and not keys["unexpected"]
    passed &= all(error <= allowed[mode.split(",")[0]] for mode, error in errors.items())
    line = {"case": name, **json.loads(told), **keys, "errors": errors, "torchvision's rounding": rounding, "pass": passed}
    return passed, line, recorded


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return value


def main():
    record = "--record" in sys.argv
    names = [argument for argument in sys.argv[1:] if argument != "--record"]
    listing = f"import {{ cases }} from {json.dumps(str(here / 'cases.mjs'))}; console.log(JSON.stringify(Object.keys(cases)))"
    every = json.loads(
        subprocess.run(
            ["node", "--input-type=module", "-e", listing], check=True, capture_output=True, text=True
        ).stdout
    )
    known = json.loads(fixture.read_text()) if record and fixture.exists() else {}
    failed = False
    for name in names or every:
        with tempfile.TemporaryDirectory() as folder:
            passed, line, numbers = compare(name, folder)
        failed |= not passed
        print(json.dumps(line), flush=True)
        known[name] = rounded(numbers)
    if record:
        fixture.write_text(json.dumps({name: known[name] for name in every if name in known}, indent=1) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

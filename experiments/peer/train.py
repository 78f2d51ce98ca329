"""Trains in plain PyTorch from drawn initial values: what `accuracy.mjs` compares accuracies with.

The networks and the methods are those of ../parity/reference.py, the initial values those of the published code: PyTorch's
own for linear layers, biases and batch normalisation, and N(0, sqrt(2 / (k * k * out))) for the weights of all
convolutions, drawn when everything has been built, so that nets shaped like another start apart.

With `initial`, a safetensors file, they are those in it; with `batches`, files as below, these are what is trained on, in
their order and as they are: accuracy.mjs --paired.

Reads one line of JSON on standard input: `method`, `layers`, `K`, `depth`, `options` as golden files have them; `seed`,
`epochs`, `batch`, `learningRate`, `threads`; and `train` and `test`, each `images` (a file of bytes, n x height x width x
3) and `labels` (a file of bytes). Prints a line of JSON after each epoch: the mean losses of the backward passes, the
last of which is the head's, and accuracy and loss on the test images, with running statistics.
"""
import json
import math
import pathlib
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
from reference import Run  # noqa: E402


def draw(module):
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            area = layer.kernel_size[0] * layer.kernel_size[1]
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / (area * layer.out_channels)))


def load(path, parameters):
    """The header is JSON behind its length; see https://github.com/huggingface/safetensors."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    for name, parameter in parameters.items():
        start, end = header[name]["data_offsets"]
        values = np.frombuffer(data[8 + length + start : 8 + length + end], dtype=np.float32)
        parameter.data = torch.from_numpy(values.copy()).reshape(parameter.shape)


def read(files, size):
    pixels = np.fromfile(files["images"], dtype=np.uint8).reshape(-1, size, size, 3)
    labels = np.fromfile(files["labels"], dtype=np.uint8)
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels.astype(np.int64))


def pixels_of(images):
    return images.float() / 255


def drawn_batches(data, batch, generator):
    """An epoch's batches of pixels and labels, in a drawn order and mirrored by chance."""
    images, labels = data
    order = torch.randperm(len(labels), generator=generator)
    mirrored = torch.rand(len(labels), generator=generator) < 0.5
    for chosen in order.split(batch):
        if len(chosen) == batch:
            pixels = pixels_of(images[chosen])
            flip = mirrored[chosen]
            pixels[flip] = pixels[flip].flip(3)
            yield pixels, labels[chosen]


def given_batches(data, batch, epoch, epochs):
    images, labels = data
    count = len(labels) // epochs
    part = slice((epoch - 1) * count, epoch * count)
    for x, y in zip(images[part].split(batch), labels[part].split(batch)):
        yield pixels_of(x), y


def train_epoch(run, optimizer, batches, steps, settings, epoch):
    sums = 0
    run.net.train()
    run.aux.train()
    for step, (pixels, labels) in enumerate(batches):
        done = (epoch - 1 + step / steps) / settings["epochs"]
        optimizer.param_groups[0]["lr"] = settings["learningRate"] * (1 + math.cos(math.pi * done)) / 2
        optimizer.zero_grad(set_to_none=True)
        losses = run.step((pixels - run.mean) / run.std, labels, pixels)
        optimizer.step()
        sums = sums + torch.stack(losses)
    return (sums / steps).tolist()


def evaluate(run, data, batch):
    images, labels = data
    run.net.eval()
    with torch.no_grad():
        logits = torch.cat([run.net((pixels_of(x) - run.mean) / run.std) for x in images.split(batch)])
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    return {"accuracy": accuracy, "testLoss": F.cross_entropy(logits, labels).item()}


def main():
    settings = json.loads(sys.stdin.readline())
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    run = Run(settings, torch.float32)
    draw(run.net)
    draw(run.aux)
    named = {**dict(run.net.named_parameters()), **dict(run.aux.named_parameters())}
    if "initial" in settings:
        load(settings["initial"], named)
    trained = [p for p in named.values() if p.requires_grad]
    rate, batch, epochs = settings["learningRate"], settings["batch"], settings["epochs"]
    optimizer = torch.optim.SGD(trained, lr=rate, momentum=0.9, nesterov=True, weight_decay=1e-4)
    train, test = read(settings["train"], run.size), read(settings["test"], run.size)
    given = read(settings["batches"], run.size) if "batches" in settings else None
    generator = torch.Generator().manual_seed(settings["seed"])
    steps = len(train[1]) // batch
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        if given is None:
            batches = drawn_batches(train, batch, generator)
        else:
            batches = given_batches(given, batch, epoch, epochs)
        losses = train_epoch(run, optimizer, batches, steps, settings, epoch)
        result = {"epoch": epoch, "losses": losses, **evaluate(run, test, batch)}
        print(json.dumps({**result, "seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()

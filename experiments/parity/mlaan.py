"""MLAAN's CIFAR program in plain PyTorch, stream by stream, for ResNet-32 cut at every unit.

    python3 mlaan.py GOLDEN.json [--float64] [--threads N]

Rebuilds the run of a file of golden numbers (`mlaan` or `mlaan-all-ema`) and prints how far its losses are from the
file's double precision, and its parameters (norms, and first values relative to the norm) from the file.
"""
import argparse
import json
import math

import torch
import torch.nn.functional as F

from reference import initial, stream

UNITS = [(stage, index) for stage in (1, 2, 3) for index in range(5)]
# After each unit that has one, the units that its augmenting chain is shaped like.
CHAINS = {
    (1, 1): "2.0 3.0 3.2 3.4", (1, 2): "2.0 3.0 3.3 3.4", (1, 3): "2.0 3.0 3.2 3.4", (1, 4): "2.0 3.0 3.3 3.4",
    **{(2, index): "3.0 3.2 3.3 3.4" for index in range(5)},
    (3, 0): "3.1 3.2 3.4", (3, 1): "3.2 3.3 3.4", (3, 2): "3.3 3.4", (3, 3): "3.4",
}
MEAN = torch.tensor([125.3, 123.0, 113.9], dtype=torch.float64).view(1, 3, 1, 1) / 255
STD = torch.tensor([63.0, 62.1, 66.7], dtype=torch.float64).view(1, 3, 1, 1) / 255


class Run:
    """Parameters by published name, made as they are first used."""

    def __init__(self, golden, dtype):
        self.golden, self.dtype = golden, dtype
        self.parameters, self.running, self.velocities = {}, {}, {}

    def parameter(self, name):
        if name not in self.parameters:
            of = self.golden["parameters"][name]
            values = torch.as_tensor(initial(name, of["shape"])).reshape(of["shape"]).float()
            self.parameters[name] = values.to(self.dtype).requires_grad_(of["trained"])
        return self.parameters[name]

    def conv_norm(self, x, conv, norm, stride=1):
        weight = self.parameter(f"{conv}.weight")
        x = F.conv2d(x, weight, None, stride, weight.shape[2] // 2)
        if norm not in self.running:
            self.running[norm] = (torch.zeros(len(weight), dtype=self.dtype), torch.ones(len(weight), dtype=self.dtype))
        gamma, beta = self.parameter(f"{norm}.weight"), self.parameter(f"{norm}.bias")
        return F.batch_norm(x, *self.running[norm], gamma, beta, True, 0.1, 1e-5)

    def unit(self, x, name, stage, index):
        stride = 2 if stage > 1 and index == 0 else 1
        out = F.relu(self.conv_norm(x, f"{name}.conv1", f"{name}.bn1", stride))
        out = self.conv_norm(out, f"{name}.conv2", f"{name}.bn2")
        if stride == 2:
            x = self.conv_norm(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
        return F.relu(out + x)

    def block(self, x, i):
        stage, index = UNITS[i]
        return self.unit(x, f"layer{stage}.{index}", stage, index)

    def loss(self, x, head, labels):
        logits = F.linear(x.mean((2, 3)), self.parameter(f"{head}.weight"), self.parameter(f"{head}.bias"))
        return F.cross_entropy(logits, labels)

    def augmented(self, z, i):
        for j, name in enumerate(CHAINS[UNITS[i]].split()):
            stage, index = map(int, name.split("."))
            trained = self.unit(z, f"Aug_Net.{i}.{j}", stage, index)
            z = trained + self.unit(z, f"EMA_Net.{i}.0", stage, index) if j == 0 else trained
        return z

    def backward(self, images, labels):
        """All backward passes of a step; their values."""
        last = len(UNITS) - 1
        stem = F.relu(self.conv_norm(images, "conv1", "bn1"))
        x, y, losses = self.block(stem, 0).detach(), stem, []
        for i in range(1, last):
            label = "{}_{}".format(*UNITS[i])
            x, y = self.block(x, i), self.block(y, i - 1)
            z = self.augmented(self.block(y, i), i)
            loss = 0.001 * self.loss(x, f"net_classifier_{label}.fc", labels)
            loss = loss + 0.999 * self.loss(z, f"aux_classifier_{label}_{i}.fc", labels)
            loss.backward()
            losses.append(loss.item())
            x, y = x.detach(), y.detach()
        self.block(x, last)
        loss = self.loss(self.block(self.block(y, last - 1), last), "fc64", labels)
        loss.backward()
        return losses + [loss.item()]

    @torch.no_grad()
    def update(self):
        momentum = self.golden["options"]["momentum"]
        every = self.golden["method"] == "mlaan-all-ema"
        for name, value in self.parameters.items():
            if name.startswith("EMA_Net."):
                _, i, _, rest = name.split(".", 3)
                source = CHAINS[UNITS[int(i)]].split()[0]
                if every or int(i) == len(UNITS) - 2:
                    value.mul_(momentum).add_(self.parameters[f"layer{source}.{rest}"], alpha=1 - momentum)
        for name, value in self.parameters.items():
            if value.grad is None:
                continue
            gradient = value.grad + self.golden.get("weight_decay", 1e-4) * value
            velocity = self.velocities.get(name, 0) * 0.9 + gradient
            self.velocities[name] = velocity
            value.sub_(self.golden["learning_rate"] * (gradient + 0.9 * velocity))
            value.grad = None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("golden")
    parser.add_argument("--float64", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with open(arguments.golden) as file:
        golden = json.load(file)
    run = Run(golden, torch.float64 if arguments.float64 else torch.float32)
    size = golden["batch"]
    worst = 0
    for step in range(golden["steps"]):
        pixels = torch.as_tensor((stream(f"input{step}", size * 3 * 32 * 32) + 1) / 2).float()
        images = (pixels.double().reshape(size, 3, 32, 32) - MEAN) / STD
        losses = run.backward(images.to(run.dtype), torch.tensor([(7 * i + step) % 10 for i in range(size)]))
        run.update()
        expected = golden["float64"]["loss_trace"][step]
        worst = max(worst, *(abs(loss / each - 1) for loss, each in zip(losses, expected)))
    norms, values = (0, ""), (0, "")
    for name, of in golden["parameters"].items():
        found = run.parameters[name].detach().double().flatten()
        norms = max(norms, (abs(found.norm().item() / of["l2"] - 1), name))
        values = max(values, *((abs(found[i].item() - of["head"][i]) / of["l2"], name) for i in (0, 1)))
    print(f"losses {worst:.2e}")
    print("norms {:.2e} ({})".format(*norms))
    print("first values {:.2e} ({})".format(*values))


if __name__ == "__main__":
    main()

"""Reference runs in plain PyTorch, written from the papers' equations, independently of the package.

    python3 reference.py SETTINGS.json [--float64] [--threads N] > GOLDEN.json

SETTINGS has the fields `method`, `layers`, `K`, `depth`, `batch`, `steps` and `options` of a file of golden numbers (a
golden file itself will do); what is printed is a whole such file. With --float64 everything but the initial values
and the images is computed in double precision, which shows how far rounding alone moves a float32 run.
"""
import argparse
import json
import math
import sys
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def stream(name, count):
    state = zlib.crc32(name.encode()) or 1
    values = np.empty(count)
    for i in range(count):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        values[i] = state / 2**32 * 2 - 1
    return values


def initial(name, shape):
    u = stream(name, math.prod(shape))
    if len(shape) == 4:
        u = u * math.sqrt(6 / math.prod(shape[1:]))
    elif len(shape) == 2:
        u = u / math.sqrt(shape[1])
    elif name.endswith("weight"):
        u = 1 + 0.1 * u
    else:
        u = 0.1 * u
    return torch.tensor(u.astype(np.float32)).reshape(shape)


class Block(nn.Module):
    """conv-BN-ReLU-conv-BN, shortcut, ReLU."""

    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or width != out:
            self.downsample = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    def __init__(self, layers, head):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        count = (layers - 2) // 6
        width = 16
        for stage, out in enumerate((16, 32, 64)):
            blocks = []
            for i in range(count):
                blocks.append(Block(width, out, 2 if stage > 0 and i == 0 else 1))
                width = out
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        setattr(self, head, nn.Linear(64, 10))
        self.head = head

    def units(self):
        """(stage, index, width out, callable)"""
        yield 0, 0, 16, lambda x: F.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3):
            for i, block in enumerate(getattr(self, f"layer{stage}")):
                yield stage, i, 16 * 2 ** (stage - 1), block

    def classify(self, x):
        return getattr(self, self.head)(x.mean((2, 3)))

    def forward(self, x):
        for *_, unit in self.units():
            x = unit(x)
        return self.classify(x)


# Auxiliary nets


def global_pool():
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def convolutional_head(config, width, outputs, features=128, widen=1):
    convolutions, linears = int(config[0]), int(config[2])
    layers = []
    stride = 2 if width < 64 else 1
    for i in range(convolutions):
        out = int(min(2 * width, 64) * widen) if i == 0 else width
        layers += [nn.Conv2d(width, out, 3, stride if i == 0 else 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        width = out
    layers += global_pool()
    for i in range(linears):
        last = i == linears - 1
        out = outputs if last else int(features * widen)
        layers += [nn.Linear(width, out)] + ([] if last else [nn.ReLU()])
        width = out
    return nn.Sequential(*layers)


def dgl_head(width, size):
    coarse = math.ceil(size / 4)
    q = min(coarse, 2)
    flat = width * q * q
    layers = [nn.AdaptiveAvgPool2d(coarse)]
    for _ in range(3):
        layers += [nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(q), nn.Flatten()]
    for _ in range(2):
        layers += [nn.Linear(flat, flat, bias=False), nn.BatchNorm1d(flat), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(flat, 10))


def pooled_head(width, size, limit=512):
    kernel = [1, 1]
    cells = [size, size]
    while width * cells[0] * cells[1] > limit:
        for axis in (0, 1):
            if width * cells[0] * cells[1] > limit:
                kernel[axis] *= 2
                cells[axis] = math.ceil(size / kernel[axis])
    padding = [kernel[a] * (cells[a] - size // kernel[a]) // 2 for a in (0, 1)]
    return nn.Sequential(nn.AvgPool2d(kernel, padding=padding), nn.Flatten(), nn.Linear(width * cells[0] * cells[1], 10))


def sampled_head(widths, unit, depth):
    last = len(widths) - 1
    if depth >= last - unit:
        chosen = range(unit + 1, last + 1)
    else:
        chosen = [round(unit + (last - unit) / depth * i) for i in range(1, depth + 1)]
    layers = []
    width, counter = widths[unit], 0.0
    for j in chosen:
        counter += math.log2(widths[j] / width)
        stride = 1
        if counter >= 1:
            stride, counter = 2, counter - 1
        layers.append(Block(width, widths[j], stride))
        width = widths[j]
    layers += global_pool() + ([nn.BatchNorm1d(width)] if depth <= 1 else [])
    return nn.Sequential(*layers, nn.Linear(width, 10))


class Named(nn.Module):
    """Only gives its content the published name."""

    def __init__(self, name, content):
        super().__init__()
        setattr(self, name, content)


class Decoder(nn.Module):
    def __init__(self, width, size, parts, hidden=12):
        super().__init__()
        nets = [
            nn.Sequential(
                nn.Conv2d(width, hidden, 3, 1, 1), nn.BatchNorm2d(hidden), nn.ReLU(), nn.Conv2d(hidden, 3, 3, 1, 1)
            )
            for _ in range(parts)
        ]
        if parts == 1:
            self.decoder = nets[0]
        else:
            self.decoders = nn.ModuleList(nets)
        self.size = size

    def forward(self, x, pixels):
        nets = [self.decoder] if hasattr(self, "decoder") else list(self.decoders)
        side = 1 if len(nets) == 1 else 2

        def part(t, k):
            h, w = t.shape[2] // side, t.shape[3] // side
            row, column = divmod(k, side)
            return t[:, :, row * h : (row + 1) * h, column * w : (column + 1) * w]

        total = 0
        for k, net in enumerate(nets):
            up = F.interpolate(part(x, k), size=[self.size // side] * 2, mode="bilinear", align_corners=True)
            total = total + F.binary_cross_entropy(torch.sigmoid(net(up)), part(pixels, k))
        return total


# Losses


def contrast(features, labels):
    features = F.normalize(features, dim=1)
    logits = features @ features.T / 0.07
    logits = logits - logits.max(1, keepdim=True).values.detach()
    others = 1 - torch.eye(len(labels), dtype=features.dtype)
    same = (labels[:, None] == labels[None, :]).to(features.dtype) * others
    log_probability = logits - torch.log((torch.exp(logits) * others).sum(1, keepdim=True))
    return -((same * log_probability).sum(1) / same.sum(1).clamp(min=1)).mean()


def similarity_matrix(x):
    centred = x - x.mean(1, keepdim=True)
    rows = centred / (1e-8 + centred.pow(2).sum(1, keepdim=True).sqrt())
    return (rows @ rows.T).clamp(-1, 1)


def similarity(features, labels):
    onehot = F.one_hot(labels, 10).to(features.dtype)
    return F.mse_loss(similarity_matrix(features.flatten(2).std(2)), similarity_matrix(onehot))


# Methods: each returns the modules that are its own and a function that does one step's backward passes


def stage_cuts(settings, layers):
    """Positions of the units that end a block, the stem being part of the first."""
    table = {
        32: {
            2: ["2.1"], 3: ["1.4", "2.4"], 4: ["1.2", "2.1", "3.0"],
            8: ["1.0", "1.2", "1.4", "2.1", "2.3", "3.0", "3.2"],
        },
        110: {
            2: ["2.8"], 3: ["1.17", "2.17"], 4: ["1.11", "2.7", "3.3"],
            8: ["1.4", "1.11", "2.0", "2.7", "2.14", "3.3", "3.10"],
        },
    }  # fmt: skip
    count = (layers - 2) // 6
    K = settings["K"]
    if K in (16, 55):
        return list(range(1, 3 * count + 1))
    names = table[layers][K]
    position = lambda name: (int(name[0]) - 1) * count + int(name[2:]) + 1
    return [position(name) for name in names] + [3 * count]


class Run:
    def __init__(self, settings, dtype):
        self.settings, self.dtype = settings, dtype
        self.options = settings["options"]
        method = self.method = settings["method"]
        stl = self.options.get("dataset") == "stl10" or self.options.get("image_size") == 96
        self.size = self.options.get("image_size", 96 if stl else 32)
        gray = stl or self.options.get("dataset") == "svhn"
        mean = [0.5] * 3 if gray else [m / 255 for m in (125.3, 123.0, 113.9)]
        std = [0.5] * 3 if gray else [s / 255 for s in (63.0, 62.1, 66.7)]
        self.mean = torch.tensor(mean, dtype=torch.float32)[:, None, None]
        self.std = torch.tensor(std, dtype=torch.float32)[:, None, None]
        self.net = Backbone(settings["layers"], "fc64" if method in ("man", "hpff") else "fc")
        self.aux = nn.ModuleDict()
        self.units = list(self.net.units())
        self.widths = [width for _, _, width, _ in self.units]
        self.contrast = self.options.get("local_loss_mode") == "contrast"
        build = {"man": self.build_man, "hpff": self.build_hpff, "bp": lambda: None}
        build.get(method, self.build_units)()

    # construction

    def side(self, unit):
        return self.size // (self.widths[unit] // 16)

    def head(self, unit):
        config = self.options.get("aux_net_config", "1c2f")
        return convolutional_head(config, self.widths[unit], 128 if self.contrast else 10)

    def build_units(self):
        method, depth = self.method, self.settings["depth"]
        self.modules = self.settings["K"] - (depth if method == "auglocal" else 0)
        for unit in range(self.modules - 1):
            stage, index, width, _ = self.units[unit]
            label = f"{stage}_{index}"
            if method == "greedy":
                net = convolutional_head("0c1f", width, 10)
            elif method == "dgl":
                net = dgl_head(width, self.side(unit))
            elif method == "predsim":
                net = pooled_head(width, self.side(unit))
                self.aux[f"decoder_{label}"] = Named("decoder", nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False)))
            elif method == "infopro":
                net = self.head(unit)
                self.aux[f"decoder_{label}"] = Decoder(width, self.size, 1)
            else:
                delta = depth
                if self.options.get("pyramid"):
                    t = unit * self.options["pyramid_coeff"] / (self.modules - 2)
                    delta = max(1, round(depth * (1 - t) + t))
                net = sampled_head(self.widths, unit, delta)
            self.aux[f"aux_classifier_{label}"] = Named("head", net)

    def build_man(self):
        self.ends = stage_cuts(self.settings, self.settings["layers"])
        bias, momentum = nn.ModuleList(), nn.ModuleList()
        for end in self.ends[:-1]:
            stage, index, width, _ = self.units[end + 1]
            before = self.widths[end]
            stride = 2 if width != before else 1
            bias.append(Block(before, width, stride))
            momentum.append(Block(before, width, stride))
            self.aux[f"aux_classifier_{stage}_{index}"] = Named("head", self.head(end + 1))
            self.aux[f"decoder_{stage}_{index}"] = Decoder(width, self.size, 1)
        for parameter in momentum.parameters():
            parameter.requires_grad = False
        self.aux["LB"], self.aux["EMA_Net"] = bias, momentum

    def build_hpff(self):
        self.ends = stage_cuts(self.settings, self.settings["layers"])
        for end in self.ends[1:-1]:
            stage, index, width, _ = self.units[end]
            self.aux[f"net_classifier_{stage}_{index}"] = Named("head", self.head(end))
            self.aux[f"aux_classifier_{stage}_{index}"] = Named("head", self.head(end))
            self.aux[f"aux_decoder_{stage}_{index}"] = Decoder(width, self.size, 4)

    # one step's backward passes

    def step(self, x, labels, pixels):
        passes = {"man": self.step_man, "hpff": self.step_hpff, "bp": self.step_bp}
        return passes.get(self.method, self.step_units)(x, labels, pixels)

    def weights(self, ratio):
        o = self.options
        return tuple(o[f"{w}_1"] * (1 - ratio) + o[f"{w}_2"] * ratio for w in ("ixx", "ixy"))

    def label_loss(self, outputs, labels):
        return (contrast if self.contrast else F.cross_entropy)(outputs, labels)

    def step_bp(self, x, labels, _):
        return [backward(F.cross_entropy(self.net(x), labels))]

    def step_units(self, x, labels, pixels):
        losses = []
        for position, (stage, index, _, unit) in enumerate(self.units):
            x = unit(x)
            if position >= self.modules - 1:
                continue
            label = f"{stage}_{index}"
            loss = self.label_loss(self.aux[f"aux_classifier_{label}"].head(x), labels)
            if self.method in ("predsim", "infopro"):
                first, second = self.weights(position / (self.modules - 2) if self.modules > 2 else 0)
                decoder = self.aux[f"decoder_{label}"]
                other = similarity(decoder.decoder(x), labels) if self.method == "predsim" else decoder(x, pixels)
                loss = first * other + second * loss
            losses.append(backward(loss))
            x = x.detach()
        return losses + [backward(F.cross_entropy(self.net.classify(x), labels))]

    def blocks(self):
        """Each as a callable; the stem is not in them."""
        start = 1
        for end in self.ends:
            yield nn.Sequential(*[unit for *_, unit in self.units[start : end + 1]])
            start = end + 1

    def step_man(self, x, labels, pixels):
        losses = []
        K, m = self.settings["K"], self.options["momentum"]
        blocks = list(self.blocks())
        x = self.units[0][3](x)
        for i, end in enumerate(self.ends[:-1]):
            x = blocks[i](x)
            y = self.aux["LB"][i](x) + self.aux["EMA_Net"][i](x)
            stage, index, _, following = self.units[end + 1]
            first, second = self.weights(stage / (K - 2) if K > 2 else 0)
            loss = first * self.aux[f"decoder_{stage}_{index}"](y, pixels) + second * self.label_loss(
                self.aux[f"aux_classifier_{stage}_{index}"].head(y), labels
            )
            losses.append(backward(loss))
            x = x.detach()
            with torch.no_grad():
                for average, value in zip(self.aux["EMA_Net"][i].parameters(), following.parameters()):
                    average.copy_(m * average + (1 - m) * value)
        return losses + [backward(F.cross_entropy(self.net.classify(blocks[-1](x)), labels))]

    def step_hpff(self, x, labels, pixels):
        losses = []
        K = self.settings["K"]
        wx, wy = self.options.get("wx", 0.001), self.options.get("wy", 0.999)
        blocks = list(self.blocks())
        y = self.units[0][3](x)
        x = blocks[0](y).detach()
        for i in range(1, len(blocks) - 1):
            stage, index, *_ = self.units[self.ends[i]]
            label = f"{stage}_{index}"
            x, y = blocks[i](x), blocks[i - 1](y)
            z = blocks[i](y)
            first, second = self.weights(i / (K - 2))
            loss = wx * self.label_loss(self.aux[f"net_classifier_{label}"].head(x), labels) + wy * (
                first * self.aux[f"aux_decoder_{label}"](z, pixels)
                + second * self.label_loss(self.aux[f"aux_classifier_{label}"].head(z), labels)
            )
            losses.append(backward(loss))
            x, y = x.detach(), y.detach()
        x, z = blocks[-1](x), blocks[-1](blocks[-2](y))
        classify = lambda t: F.cross_entropy(self.net.classify(t), labels)
        return losses + [backward(wx * classify(x) + wy * classify(z))]

    # the whole run

    def images(self, name, count):
        pixels = torch.tensor(((stream(name, count * 3 * self.size**2) + 1) / 2).astype(np.float32))
        pixels = pixels.reshape(count, 3, self.size, self.size)
        normalised = ((pixels - self.mean) / self.std).to(self.dtype)
        return normalised, normalised * self.std.to(self.dtype) + self.mean.to(self.dtype)

    def run(self):
        module = nn.ModuleList([self.net, self.aux])
        named = {name.split(".", 1)[1]: p for name, p in module.named_parameters()}
        for name, parameter in named.items():
            parameter.data = initial(name, parameter.shape)
        module.to(self.dtype)
        trained = [p for p in named.values() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
        batch = self.settings["batch"]
        trace = []
        for s in range(self.settings["steps"]):
            x, pixels = self.images(f"input{s}", batch)
            labels = torch.tensor([(7 * i + s) % 10 for i in range(batch)])
            module.train()
            optimizer.zero_grad()
            # Rounding may take a pixel out of 0…1, which PyTorch's loss refuses.
            trace.append([loss.item() for loss in self.step(x, labels, pixels.clamp(0, 1))])
            optimizer.step()
        module.eval()
        with torch.no_grad():
            logits = self.net(self.images("eval", 4)[0])
        norm = lambda t: t.detach().double().norm().item()
        return {
            **{k: self.settings[k] for k in ("method", "layers", "K", "depth", "batch", "steps", "options")},
            "loss_trace": trace,
            "eval_logits": logits.tolist(),
            "parameters": {n: {"shape": list(p.shape), "l2": norm(p)} for n, p in named.items()},
            "running": {n: {"l2": norm(b)} for n, b in self.net.named_buffers() if "running_" in n},
        }


def backward(loss):
    loss.backward()
    return loss.detach()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", help="a JSON file")
    parser.add_argument("--float64", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with open(args.settings) as file:
        settings = json.load(file)
    dtype = torch.float64 if args.float64 else torch.float32
    json.dump(Run(settings, dtype).run(), sys.stdout)
    print()


if __name__ == "__main__":
    main()

"""Auxiliary nets."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Named(nn.Module):
    """Only gives its content the published name."""

    def __init__(self, name, content):
        super().__init__()
        setattr(self, name, content)
        self.name = name

    def forward(self, x):
        return getattr(self, self.name)(x)


def global_pool():
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def conv(before, width, kernel, stride=1, bias=False):
    """conv-BN-ReLU."""
    padding = kernel // 2
    return [nn.Conv2d(before, width, kernel, stride, padding, bias=bias), nn.BatchNorm2d(width), nn.ReLU()]


class PooledLinear(nn.Module):
    """MLAAN's head; with `hidden`, two 1×1 convolutions come first."""

    def __init__(self, width, classes, hidden=None):
        super().__init__()
        self.head = None if hidden is None else nn.Sequential(*conv(width, hidden, 1), *conv(hidden, width, 1))
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc((x if self.head is None else self.head(x)).mean((2, 3)))


def convolutional_head(config, width, outputs, features=128, widen=1):
    """InfoPro's `<a>c<b>f`."""
    convolutions, linears = int(config[0]), int(config[2])
    layers = []
    stride = 2 if width < 64 else 1
    for i in range(convolutions):
        out = int(min(2 * width, 64) * widen) if i == 0 else width
        layers += conv(width, out, 3, stride if i == 0 else 1)
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
        layers += conv(width, width, 1)
    layers += [nn.AdaptiveAvgPool2d(q), nn.Flatten()]
    for _ in range(2):
        layers += [nn.Linear(flat, flat, bias=False), nn.BatchNorm1d(flat), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(flat, 10))


class PlusDglHead(nn.Sequential):
    """The one of MAN++ over DGL. Its first pool is not counted among the layers."""

    def __init__(self, width, outputs, features):
        layers = []
        for _ in range(3):
            layers += conv(width, features, 1)
            width = features
        layers += global_pool()
        for _ in range(3):
            layers += [nn.Linear(width, 4 * features), nn.BatchNorm1d(4 * features), nn.ReLU()]
            width = 4 * features
        super().__init__(*layers, nn.Linear(width, outputs))

    def forward(self, x):
        return super().forward(F.adaptive_avg_pool2d(x, 8))


def pooled_head(width, size, limit=512):
    """PredSim's."""
    kernel = [1, 1]
    cells = [size, size]
    while width * cells[0] * cells[1] > limit:
        for axis in (0, 1):
            if width * cells[0] * cells[1] > limit:
                kernel[axis] *= 2
                cells[axis] = math.ceil(size / kernel[axis])
    padding = [kernel[a] * (cells[a] - size // kernel[a]) // 2 for a in (0, 1)]
    return nn.Sequential(nn.AvgPool2d(kernel, padding=padding), nn.Flatten(), nn.Linear(width * cells[0] * cells[1], 10))


def quadrant(t, k):
    h, w = t.shape[2] // 2, t.shape[3] // 2
    row, column = divmod(k, 2)
    return t[:, :, row * h : (row + 1) * h, column * w : (column + 1) * w]


def bilinear(x, size):
    return F.interpolate(x, size=[size] * 2, mode="bilinear", align_corners=True)


def reconstruction(net, x, pixels):
    # In bfloat16, as autocast has it, a sigmoid would be 1 where its logarithm is read.
    return F.binary_cross_entropy(torch.sigmoid(net(bilinear(x, pixels.shape[2])).to(pixels.dtype)), pixels)


def two_convolutions(width, hidden):
    return nn.Sequential(*conv(width, hidden, 3, bias=True), nn.Conv2d(hidden, 3, 3, 1, 1))


class Decoder(nn.Module):
    """InfoPro's `2c`."""

    def __init__(self, width, hidden=12):
        super().__init__()
        self.decoder = two_convolutions(width, hidden)

    def forward(self, x, pixels):
        return reconstruction(self.decoder, x, pixels)


class QuadrantDecoders(nn.Module):
    """HPFF's patches: a decoder for each quadrant, the losses summed."""

    def __init__(self, width, hidden=12):
        super().__init__()
        self.decoders = nn.ModuleList([two_convolutions(width, hidden) for _ in range(4)])

    def forward(self, x, pixels):
        return sum(reconstruction(net, quadrant(x, k), quadrant(pixels, k)) for k, net in enumerate(self.decoders))

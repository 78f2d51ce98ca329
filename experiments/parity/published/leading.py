"""Methods that give each of the first units a loss of its own: greedy, DGL, PredSim, InfoPro, AugLocal; and the whole."""
import math

import torch.nn.functional as F
from torch import nn

from .losses import backward, ramp, similarity
from .nets import Decoder, Named, convolutional_head, dgl_head, global_pool, pooled_head


class Whole:
    """Backpropagation."""

    def __init__(self, run):
        self.run = run

    def step(self, x, labels, _):
        return [backward(F.cross_entropy(self.run.net(x), labels))]


class Leading:
    """A loss after each of the first `modules` - 1 units; the rest is the last module."""

    def __init__(self, run):
        self.run = run
        self.modules = self.count()
        for position, unit in enumerate(self.local):
            self.add_decoder(unit)
            run.add(f"aux_classifier_{unit.label}", Named("head", self.head(position, unit)))

    @property
    def local(self):
        return self.run.net.units[: self.modules - 1]

    def count(self):
        return self.run.K

    def add_decoder(self, unit):
        pass

    def loss(self, position, unit, x, labels, pixels):
        return self.run.label_loss(self.run.own(f"aux_classifier_{unit.label}")(x), labels)

    def step(self, x, labels, pixels):
        losses = []
        for position, unit in enumerate(self.local):
            x = unit.forward(x)
            losses.append(backward(self.loss(position, unit, x, labels, pixels)))
            x = x.detach()
        net = self.run.net
        x = net.run(x, self.modules - 1, len(net.units) - 1)
        return losses + [backward(F.cross_entropy(net.classify(x), labels))]


class Greedy(Leading):
    def head(self, _, unit):
        return convolutional_head("0c1f", unit.width, 10)


class Dgl(Leading):
    def head(self, position, unit):
        return dgl_head(unit.width, self.run.net.size(position, self.run.size))


class TwoTerms(Leading):
    """Weighted by a ramp over the blocks."""

    def loss(self, position, unit, x, labels, pixels):
        first, second = ramp(self.run.options, position / (self.modules - 2) if self.modules > 2 else 0)
        classification = super().loss(position, unit, x, labels, pixels)
        return first * self.other(unit, x, labels, pixels) + second * classification


class PredSim(TwoTerms):
    def head(self, position, unit):
        return pooled_head(unit.width, self.run.net.size(position, self.run.size))

    def add_decoder(self, unit):
        similar = nn.Sequential(nn.Conv2d(unit.width, unit.width, 3, 1, 1, bias=False))
        self.run.add(f"decoder_{unit.label}", Named("decoder", similar))

    def other(self, unit, x, labels, _):
        return similarity(self.run.own(f"decoder_{unit.label}")(x), labels)


class InfoPro(TwoTerms):
    def head(self, _, unit):
        return self.run.head(unit.width, "1c2f")

    def add_decoder(self, unit):
        self.run.add(f"decoder_{unit.label}", Decoder(unit.width, self.run.hidden))

    def other(self, unit, x, _, pixels):
        return self.run.own(f"decoder_{unit.label}")(x, pixels)


class AugLocal(Leading):
    """On ImageNet all K modules, nets of the same depth everywhere and no BN1d."""

    def count(self):
        return self.run.K if self.run.imagenet else self.run.K - self.run.settings["depth"]

    def head(self, position, unit):
        depth, options = self.run.settings["depth"], self.run.options
        if options.get("pyramid"):
            t = position * options["pyramid_coeff"] / (self.modules - 2)
            depth = max(1, round(depth * (1 - t) + t))
        units = self.run.net.units
        last = len(units) - 1
        if depth >= last - position:
            chosen = units[position + 1 :]
        else:
            chosen = [units[round(position + (last - position) / depth * i)] for i in range(1, depth + 1)]
        layers = []
        width, planes, counter = unit.width, unit.planes, 0.0
        for other in chosen:
            # Doublings of planes, which only on bottlenecks differ from those of channels.
            counter += math.log2(other.planes / planes)
            stride = 1
            if counter >= 1:
                stride, counter = 2, counter - 1
            layers.append(other.kind(width, other.planes, stride))
            width, planes = other.width, other.planes
        layers += global_pool()
        if depth <= 1 and not self.run.imagenet:
            layers.append(nn.BatchNorm1d(width))
        return nn.Sequential(*layers, nn.Linear(width, self.run.classes))

"""MAN and MAN++: auxiliary nets behind a learnable and a momentum net, both shaped like the next unit."""
import torch
import torch.nn.functional as F
from torch import nn

from .cuts import joined_ends
from .imagenet import ManDecoder
from .losses import backward, contrast, ramp
from .nets import Decoder, Named, PlusDglHead, convolutional_head


def follow(average, source, m):
    """The momentum net's step."""
    with torch.no_grad():
        for a, value in zip(average.parameters(), source.parameters()):
            a.copy_(m * a + (1 - m) * value)


def momentum_net(unit):
    net = unit.like()
    for parameter in net.parameters():
        parameter.requires_grad = False
    return net


class Man:
    def __init__(self, run):
        self.run = run
        self.ends = joined_ends(run)
        self.following = [run.net.units[end + 1] for end in self.ends[:-1]]
        self.bias = run.add("LB", nn.ModuleList([unit.like() for unit in self.following]))
        self.momentum = run.add("EMA_Net", nn.ModuleList([momentum_net(unit) for unit in self.following]))
        for unit in self.following:
            self.add_nets(unit)

    def add_nets(self, unit):
        """Named after the next unit, and of its width."""
        run = self.run
        run.add(f"aux_classifier_{unit.label}", Named("head", run.head(unit.width, "2c2f")))
        run.add(f"decoder_{unit.label}", ManDecoder(unit.width) if run.imagenet else Decoder(unit.width, run.hidden))

    def loss(self, unit, y, labels, pixels):
        run = self.run
        first, second = ramp(run.options, unit.stage / (run.K - 2) if run.K > 2 else 0)
        classification = run.label_loss(run.own(f"aux_classifier_{unit.label}")(y), labels)
        return first * run.own(f"decoder_{unit.label}")(y, pixels) + second * classification

    def bridge(self, i, x):
        return self.bias[i](x) + self.momentum[i](x)

    def start(self, x, _labels, _pixels):
        """What comes before the blocks: x, the position of the first unit that is still to run, losses so far."""
        return x, 0, []

    def step(self, x, labels, pixels):
        net = self.run.net
        x, first, losses = self.start(x, labels, pixels)
        for i, (end, unit) in enumerate(zip(self.ends, self.following)):
            x = net.run(x, first, end)
            losses.append(backward(self.loss(unit, self.bridge(i, x), labels, pixels)))
            x, first = x.detach(), end + 1
            follow(self.momentum[i], unit.forward, self.run.options["momentum"])
        x = net.run(x, first, self.ends[-1])
        return losses + [backward(F.cross_entropy(net.classify(x), labels))]


def scaled(s, bias, momentum, x):
    return s * bias(x) + (2 - s) * momentum(x)


class ManPlus(Man):
    """On ImageNet the stem is no module of its own."""

    def __init__(self, run):
        super().__init__(run)
        self.s = run.add("ema_s", nn.ParameterList([scalar() for _ in self.following]))
        if not run.imagenet:
            unit = run.net.units[1]
            self.s_first = run.add("ema_s_first", scalar())
            self.bias_first = run.add("LB_first", unit.like())
            self.momentum_first = run.add("EMA_first", momentum_net(unit))
            self.add_stem_nets(run.net.units[0])

    def add_stem_nets(self, stem):
        """Quirk: the head is built without the options but those of its width."""
        run = self.run
        features, widen = run.options.get("aux_net_feature_dim", 128), run.options.get("aux_net_widen", 1)
        head = convolutional_head("1c2f", stem.width, 128, features, widen)
        run.add(f"aux_classifier_{stem.label}", Named("head", head))
        run.add(f"decoder_{stem.label}", Decoder(stem.width, run.hidden))

    def bridge(self, i, x):
        return scaled(self.s[i], self.bias[i], self.momentum[i], x)

    def start(self, x, labels, pixels):
        if self.run.imagenet:
            return x, 0, []
        stem, following = self.run.net.units[:2]
        x = stem.forward(x)
        y = scaled(self.s_first, self.bias_first, self.momentum_first, x)
        losses = [backward(self.stem_loss(stem, y, labels, pixels))]
        follow(self.momentum_first, following.forward, self.run.options["momentum"])
        return x.detach(), 1, losses

    def stem_loss(self, stem, y, labels, pixels):
        first, second = ramp(self.run.options, 0)
        classification = contrast(self.run.own(f"aux_classifier_{stem.label}")(y), labels)
        return first * self.run.own(f"decoder_{stem.label}")(y, pixels) + second * classification


def scalar():
    return nn.Parameter(torch.ones(()))


class DglManPlus(ManPlus):
    def add_nets(self, unit):
        features = self.run.options.get("aux_net_feature_dim", 128)
        head = PlusDglHead(unit.width, self.run.classes, features)
        self.run.add(f"aux_classifier_{unit.label}", Named("head", head))

    add_stem_nets = add_nets

    def loss(self, unit, y, labels, _):
        return F.cross_entropy(self.run.own(f"aux_classifier_{unit.label}")(y), labels)

    stem_loss = loss

"""HPFF and MLAAN: neighbouring blocks trained together, beside each on its own."""
import torch.nn.functional as F
from torch import nn

from .bridged import follow, momentum_net
from .chains import chain
from .cuts import joined_ends
from .imagenet import HpffDecoder
from .losses import backward, ramp
from .nets import Named, PooledLinear, QuadrantDecoders


class Cascaded:
    """Block i runs units starts[i] to ends[i]; the stem, which both streams leave, is run before block 0."""

    def block(self, i, x):
        starts = [1] + [end + 1 for end in self.ends]
        return self.run.net.run(x, starts[i], self.ends[i])

    def label(self, i):
        return self.run.net.units[self.ends[i]].label

    def classify(self, x, labels):
        return F.cross_entropy(self.run.net.classify(x), labels)


class Hpff(Cascaded):
    """On ImageNet only the cascade has losses."""

    def __init__(self, run):
        self.run = run
        self.ends = joined_ends(run)
        for i in range(1, len(self.ends) - 1):
            end, label = self.ends[i], self.label(i)
            width = run.net.units[end].width
            run.add(f"aux_classifier_{label}", Named("head", run.head(width, "2c2f")))
            if run.imagenet:
                run.add(f"aux_decoder_{label}", HpffDecoder(width, run.net.size(end, run.size)))
            else:
                run.add(f"net_classifier_{label}", Named("head", run.head(width, "2c2f")))
                run.add(f"aux_decoder_{label}", QuadrantDecoders(width, run.hidden))

    def cascade_loss(self, i, z, labels, pixels):
        run, label, K = self.run, self.label(i), self.run.K
        first, second = ramp(run.options, i / (K - 2))
        classification = run.label_loss(run.own(f"aux_classifier_{label}")(z), labels)
        return first * run.own(f"aux_decoder_{label}")(z, pixels) + second * classification

    def step(self, x, labels, pixels):
        return (self.step_cascade if self.run.imagenet else self.step_both)(x, labels, pixels)

    def step_both(self, x, labels, pixels):
        losses, run = [], self.run
        wx, wy = run.options.get("wx", 0.001), run.options.get("wy", 0.999)
        y = run.net.run(x, 0, 0)
        x = self.block(0, y).detach()
        last = len(self.ends) - 1
        for i in range(1, last):
            x, y = self.block(i, x), self.block(i - 1, y)
            own = run.label_loss(run.own(f"net_classifier_{self.label(i)}")(x), labels)
            losses.append(backward(wx * own + wy * self.cascade_loss(i, self.block(i, y), labels, pixels)))
            x, y = x.detach(), y.detach()
        x, z = self.block(last, x), self.block(last, self.block(last - 1, y))
        return losses + [backward(wx * self.classify(x, labels) + wy * self.classify(z, labels))]

    def step_cascade(self, x, labels, pixels):
        losses = []
        y = self.run.net.run(x, 0, 0)
        # Its result is not used, but it moves running statistics.
        self.block(0, y)
        last = len(self.ends) - 1
        for i in range(1, last):
            y = self.block(i - 1, y)
            losses.append(backward(self.cascade_loss(i, self.block(i, y), labels, pixels)))
            y = y.detach()
        return losses + [backward(self.classify(self.block(last, self.block(last - 1, y)), labels))]


class Mlaan(Cascaded):
    """Pairs of blocks on CIFAR, triples on ImageNet. `every`: all momentum nets move, not the last block's alone."""

    every = False
    wx, wy = 0.001, 0.999

    def __init__(self, run):
        self.run = run
        units = run.net.units
        if run.imagenet:
            self.length, self.ends = 3, list(range(1, len(units)))
        else:
            self.length, self.ends = 2, joined_ends(run)
        self.last = len(self.ends) - 1
        self.local = range(self.length - 1, self.last)
        positions = {unit.name: unit for unit in units}
        self.sources = {}
        chains, momentum = nn.ModuleDict(), nn.ModuleDict()
        for i in self.local:
            ending = units[self.ends[i]]
            chosen = [positions[name] for name in chain(run, ending.name, last_cut=i == self.last - 1)]
            self.sources[i] = chosen[0].forward
            chains[str(i)] = nn.ModuleList([unit.like() for unit in chosen])
            momentum[str(i)] = nn.ModuleList([momentum_net(chosen[0])])
            hidden = 2 * ending.width if run.imagenet and ending.width in (64, 128) else None
            run.add(f"net_classifier_{ending.label}", PooledLinear(ending.width, run.classes, hidden))
            run.add(f"aux_classifier_{ending.label}_{i}", PooledLinear(chosen[-1].width, run.classes))
        self.chains, self.momentum = run.add("Aug_Net", chains), run.add("EMA_Net", momentum)

    def augmented(self, i, z):
        first, *others = self.chains[str(i)]
        z = first(z) + self.momentum[str(i)][0](z)
        for unit in others:
            z = unit(z)
        return z

    def follow(self, i):
        follow(self.momentum[str(i)][0], self.sources[i], self.run.options["momentum"])

    def step(self, x, labels, _):
        losses, run = [], self.run
        every = self.every or run.imagenet
        y = run.net.run(x, 0, 0)
        x = y.detach()
        for i in range(self.local.start):
            x = self.block(i, x).detach()
        for i in self.local:
            label = self.label(i)
            x, y = self.block(i, x), self.block(i - self.length + 1, y)
            z = y
            for j in range(i - self.length + 2, i + 1):
                z = self.block(j, z)
            own = F.cross_entropy(run.own(f"net_classifier_{label}")(x), labels)
            cascade = F.cross_entropy(run.own(f"aux_classifier_{label}_{i}")(self.augmented(i, z)), labels)
            losses.append(backward(self.wx * own + self.wy * cascade))
            x, y = x.detach(), y.detach()
            if every:
                self.follow(i)
        x = self.block(self.last, x)
        for j in range(self.last - self.length + 1, self.last + 1):
            y = self.block(j, y)
        loss = self.classify(y, labels)
        if run.imagenet:
            loss = self.wx * self.classify(x, labels) + self.wy * loss
        losses.append(backward(loss))
        if run.imagenet or not every:
            # On ImageNet this one moves twice.
            self.follow(self.last - 1)
        return losses


class MlaanEvery(Mlaan):
    every = True

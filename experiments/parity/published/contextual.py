"""ContSup: blocks read context from the image and from earlier blocks beside their own input."""
import torch.nn.functional as F
from torch import nn

from .cuts import MAN, names
from .losses import backward, ramp
from .nets import Decoder, Named, conv

BALANCED_RESNET32 = {2: names("1 3"), 4: names("1 2 4|2 2"), 8: names("1 1 2 3|2 1 2|3 1 2")}


def cuts(run):
    """Positions of the units that end a block. Where each unit is one, the stem is a block too."""
    units, K = run.net.units, run.K
    if K == len(units):
        return list(range(len(units) - 1))
    table = BALANCED_RESNET32 if run.options.get("balanced_memory") else MAN[run.settings["layers"]]
    positions = {unit.name: i for i, unit in enumerate(units)}
    return [positions[name] for name in table[K]]


def image_encoder(width, hidden, size):
    layers = conv(3, hidden, 3, bias=True) + conv(hidden, width, 3, bias=True)
    return Named("encoder", nn.Sequential(*layers, nn.AdaptiveAvgPool2d(size)))


def context_encoder(before, width, size):
    return Named("encoder", nn.Sequential(*conv(before, width, 1, bias=True), nn.AdaptiveAvgPool2d(size)))


class ContSup:
    def __init__(self, run):
        self.run = run
        self.cuts = cuts(run)
        mode = run.options["context_mode"]
        self.image = mode.endswith("E")
        terms = int(mode.strip("RE") or 0)
        self.rebuilds = run.options["h_reconstruct"]
        nets = nn.ModuleDict()
        # The width of ret_{-1}, ret_0, …: the image comes first.
        widths = [3]
        self.terms = []
        for k, cut in enumerate(self.cuts):
            unit = run.net.units[cut]
            size = run.net.size(cut, run.size)
            if self.image:
                nets[f"encoder_{k}"] = image_encoder(unit.width, run.hidden, size)
            # Where the image has an encoder, it is no term of the others.
            earliest = 0 if self.image else -1
            count = len([r for r in range(terms) if k - 1 - r >= earliest])
            for r in range(count):
                nets[f"resencoder_{k}_{r}"] = context_encoder(widths[k - r], unit.width, size)
            self.terms.append(count)
            widths.append(unit.width)
            if self.rebuilds:
                run.add(f"decoder_{unit.label}", Decoder(unit.width, run.hidden))
            run.add(f"aux_classifier_{unit.label}", Named("head", run.head(unit.width, "1c2f")))
        self.nets = run.add("cont_sup_node", nets)

    def node(self, k, h, image, earlier):
        """What the next block reads. `earlier` is the image, ret_0, … ret_{k-1}."""
        total = h
        if self.image:
            total = total + self.nets[f"encoder_{k}"](image)
        for r in range(self.terms[k]):
            total = total + self.nets[f"resencoder_{k}_{r}"](earlier[k - r])
        return total

    def loss(self, k, h, labels, pixels):
        run, label = self.run, self.run.net.units[self.cuts[k]].label
        classification = run.label_loss(run.own(f"aux_classifier_{label}")(h), labels)
        if not self.rebuilds:
            return classification
        first, second = ramp(run.options, k / (run.K - 2) if run.K > 2 else 0)
        return first * run.own(f"decoder_{label}")(h, pixels) + second * classification

    def walk(self, image, at_cut):
        """The logits. `at_cut` is called with each block's output."""
        net = self.run.net
        x, first, earlier = image, 0, [image]
        for k, cut in enumerate(self.cuts):
            h = net.run(x, first, cut)
            at_cut(k, h)
            x, first = self.node(k, h.detach(), image, earlier), cut + 1
            earlier.append(x.detach())
        return net.classify(net.run(x, first, len(net.units) - 1))

    def step(self, image, labels, pixels):
        losses = []
        logits = self.walk(image, lambda k, h: losses.append(backward(self.loss(k, h, labels, pixels))))
        return losses + [backward(F.cross_entropy(logits, labels))]

    def evaluate(self, image):
        return self.walk(image, lambda k, h: None)

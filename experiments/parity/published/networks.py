"""The backbones, with torchvision's names."""
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import nn


def shortcut(before, width, stride):
    if stride == 1 and before == width:
        return None
    return nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))


class Basic(nn.Module):
    """conv-BN-ReLU-conv-BN, shortcut, ReLU."""

    expansion = 1

    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(before, planes, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1×1, 3×3 (which has the stride), 1×1 to four times the planes."""

    expansion = 4

    def __init__(self, before, planes, stride):
        super().__init__()
        width = planes * self.expansion
        self.conv1 = nn.Conv2d(before, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = shortcut(before, width, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Unit(NamedTuple):
    """A piece that a network can be cut after. Stage 0 is the stem."""

    stage: int
    index: int
    before: int
    planes: int
    stride: int
    kind: Any
    forward: Any

    @property
    def name(self):
        return f"{self.stage}.{self.index}"

    @property
    def label(self):
        return f"{self.stage}_{self.index}"

    @property
    def width(self):
        return self.planes * (1 if self.stage == 0 else self.kind.expansion)

    def like(self):
        """A fresh unit of the same shape."""
        return self.kind(self.before, self.planes, self.stride)


class Backbone(nn.Module):
    def __init__(self, kind, counts, planes, stem, head, classes):
        """`head` is the name of the classifier; `planes` that of the stem and of the first stage."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, planes, *stem, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.units = [Unit(0, 0, 3, planes, 1, kind, self.stem)]
        before = planes
        for stage, count in enumerate(counts, 1):
            units = []
            for i in range(count):
                stride = 2 if stage > 1 and i == 0 else 1
                units.append(Unit(stage, i, before, planes, stride, kind, kind(before, planes, stride)))
                before = planes * kind.expansion
            setattr(self, f"layer{stage}", nn.Sequential(*[unit.forward for unit in units]))
            self.units += units
            planes *= 2
        setattr(self, head, nn.Linear(before, classes))
        self.head = head

    def stem(self, x):
        return F.relu(self.bn1(self.conv1(x)))

    def run(self, x, first, last):
        """Units `first` to `last`, both included."""
        for unit in self.units[first : last + 1]:
            x = unit.forward(x)
        return x

    def classify(self, x):
        return getattr(self, self.head)(x.mean((2, 3)))

    def forward(self, x):
        return self.classify(self.run(x, 0, len(self.units) - 1))

    def size(self, unit, image):
        """Of the unit's map."""
        return image * self.units[0].planes // self.units[unit].planes


class CifarResNet(Backbone):
    def __init__(self, layers, head, classes):
        super().__init__(Basic, [(layers - 2) // 6] * 3, 16, (3, 1, 1), head, classes)


class ImageNetResNet(Backbone):
    KINDS = {
        18: (Basic, [2, 2, 2, 2]),
        34: (Basic, [3, 4, 6, 3]),
        50: (Bottleneck, [3, 4, 6, 3]),
        101: (Bottleneck, [3, 4, 23, 3]),
        152: (Bottleneck, [3, 8, 36, 3]),
    }

    def __init__(self, layers, head, classes):
        super().__init__(*self.KINDS[layers], 64, (7, 2, 3), head, classes)

    def stem(self, x):
        return F.max_pool2d(super().stem(x), 3, 2, 1)

    def size(self, unit, image):
        return super().size(unit, image) // 4

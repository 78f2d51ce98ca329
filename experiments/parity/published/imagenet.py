"""The auxiliary nets of MAN's and HPFF's ImageNet code."""
import torch.nn.functional as F
from torch import nn

from .nets import conv, global_pool, quadrant


def up(size):
    return nn.Upsample(size=(size, size), mode="bilinear", align_corners=True)


def imagenet_head(width, classes):
    """By width: 256, 512 or 1024."""
    layers = {
        256: [(256, 128, 1, 1), (128, 256, 3, 2), (256, 512, 3, 2), (512, 2048, 1, 1)],
        512: [(512, 128, 1, 1), (128, 256, 3, 2), (256, 512, 3, 2), (512, 2048, 1, 1)],
        1024: [(1024, 256, 1, 1), (256, 256, 3, 2), (256, 512, 3, 2), (512, 2048, 1, 1)],
    }[width]
    convolutions = [layer for settings in layers for layer in conv(*settings)]
    return nn.Sequential(*convolutions, *global_pool(), nn.Linear(2048, classes))


def decoder(width, kernels, widths, sizes):
    """Convolutions with an upsampling after each but the last, which has no BN and no ReLU before the sigmoid."""
    layers = []
    for kernel, out, size in zip(kernels, widths, sizes):
        layers += conv(width, out, kernel, bias=True) + [up(size)]
        width = out
    return nn.Sequential(*layers, nn.Conv2d(width, 3, 3, 1, 1), nn.Sigmoid())


class ManDecoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.decoder = {
            1024: lambda: decoder(1024, (1, 1, 3, 3), (192, 64, 32, 12), (28, 56, 112, 224)),
            512: lambda: decoder(512, (1, 3, 3), (128, 32, 12), (56, 112, 224)),
        }[width]()

    def forward(self, x, pixels):
        return F.binary_cross_entropy(self.decoder(x), pixels)


class HpffDecoder(nn.Module):
    """By the map's size; the losses of the four quadrants of what comes out are summed."""

    def __init__(self, width, size):
        super().__init__()
        self.decoder = {
            56: lambda: decoder(width, (1, 3), (128, 16), (112, 224)),
            28: lambda: decoder(width, (1, 3, 3), (128, 32, 16), (56, 112, 224)),
            14: lambda: decoder(width, (1, 3, 3, 3), (128, 64, 32, 16), (112, 56, 112, 224)),
        }[size]()

    def forward(self, x, pixels):
        found = self.decoder(x)
        return sum(F.binary_cross_entropy(quadrant(found, k), quadrant(pixels, k)) for k in range(4))

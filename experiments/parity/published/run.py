"""A whole run: the network, a method's nets, the data, the steps, and the numbers that a golden file has."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .bridged import DglManPlus, Man, ManPlus
from .cascaded import Hpff, Mlaan, MlaanEvery
from .contextual import ContSup
from .imagenet import imagenet_head
from .leading import AugLocal, Dgl, Greedy, InfoPro, PredSim, Whole
from .losses import contrast
from .nets import convolutional_head
from .networks import CifarResNet, ImageNetResNet
from .streams import initial, stream

METHODS = {
    "bp": Whole,
    "greedy": Greedy,
    "dgl": Dgl,
    "predsim": PredSim,
    "infopro": InfoPro,
    "auglocal": AugLocal,
    "man": Man,
    "hpff": Hpff,
    "man-plus": ManPlus,
    "dgl-man-plus": DglManPlus,
    "mlaan": Mlaan,
    "mlaan-all-ema": MlaanEvery,
    "contsup": ContSup,
}
AUGLOCAL_REPOSITORY = ("bp", "greedy", "dgl", "predsim", "infopro", "auglocal", "contsup")

HALF = [0.5] * 3
CIFAR = [m / 255 for m in (125.3, 123.0, 113.9)], [s / 255 for s in (63.0, 62.1, 66.7)]
# Size of the images, their mean and their standard deviation.
DATASETS = {
    "cifar10": (32, *CIFAR),
    "svhn": (32, HALF, HALF),
    "stl10": (96, HALF, HALF),
    "imagenet": (224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}


class Run:
    def __init__(self, settings, dtype):
        self.settings, self.dtype = settings, dtype
        self.method, self.K = settings["method"], settings["K"]
        options = self.options = settings["options"]
        dataset = options.get("dataset", "stl10" if options.get("image_size") == 96 else "cifar10")
        self.imagenet = dataset == "imagenet"
        size, mean, std = DATASETS[dataset]
        self.size = options.get("image_size", size)
        self.mean = torch.tensor(mean, dtype=torch.float32)[:, None, None]
        self.std = torch.tensor(std, dtype=torch.float32)[:, None, None]
        self.classes = 1000 if self.imagenet else 10
        network = ImageNetResNet if self.imagenet else CifarResNet
        plain = self.imagenet or self.method in AUGLOCAL_REPOSITORY
        self.net = network(settings["layers"], "fc" if plain else "fc64", self.classes)
        self.aux = nn.Module()
        self.rules = METHODS[self.method](self)

    # what the methods build with

    def add(self, name, net):
        setattr(self.aux, name, net)
        return net

    def own(self, name):
        return getattr(self.aux, name)

    @property
    def contrast(self):
        return self.options.get("local_loss_mode") == "contrast"

    @property
    def hidden(self):
        """Of a decoder."""
        return int(12 * self.options.get("aux_net_widen", 1))

    def head(self, width, config):
        """For a map of this width; `config` unless the options name one, of InfoPro's or `imagenet`."""
        config = self.options.get("aux_net_config", config)
        outputs = 128 if self.contrast else self.classes
        features, widen = self.options.get("aux_net_feature_dim", 128), self.options.get("aux_net_widen", 1)
        if config == "imagenet":
            return imagenet_head(width, outputs)
        return convolutional_head(config, width, outputs, features, widen)

    def label_loss(self, outputs, labels):
        return (contrast if self.contrast else F.cross_entropy)(outputs, labels)

    # the run

    def step(self, x, labels, pixels):
        """One step's backward passes; their losses."""
        return self.rules.step(x, labels, pixels)

    def evaluate(self, x):
        return self.rules.evaluate(x) if hasattr(self.rules, "evaluate") else self.net(x)

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
        rate, decay = self.settings.get("learning_rate", 0.05), self.settings.get("weight_decay", 1e-4)
        optimizer = torch.optim.SGD(trained, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
        batch = self.settings["batch"]
        trace = []
        for s in range(self.settings["steps"]):
            x, pixels = self.images(f"input{s}", batch)
            labels = torch.tensor([(7 * i + s) % 10 for i in range(batch)])
            module.train()
            optimizer.zero_grad(set_to_none=True)
            # Rounding may take a pixel out of 0…1, which PyTorch's loss refuses.
            trace.append([loss.item() for loss in self.step(x, labels, pixels.clamp(0, 1))])
            optimizer.step()
        module.eval()
        with torch.no_grad():
            # A thousand logits an image: one is enough.
            logits = self.evaluate(self.images("eval", 1 if self.imagenet else 4)[0])
        # Of the nets beside the backbone, only ContSup's context nets are used in evaluation.
        used = [self.net, Context(self.aux.cont_sup_node)] if hasattr(self.aux, "cont_sup_node") else [self.net]
        norm = lambda t: t.detach().double().norm().item()
        return {
            "loss_trace": trace,
            "eval_logits": logits.tolist(),
            "parameters": {
                n: {"shape": list(p.shape), "l2": norm(p), **({} if p.requires_grad else {"trained": False})}
                for n, p in named.items()
            },
            "running": {n: {"l2": norm(b)} for net in used for n, b in net.named_buffers() if "running_" in n},
        }


class Context(nn.Module):
    def __init__(self, nets):
        super().__init__()
        self.cont_sup_node = nets

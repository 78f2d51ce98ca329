"""Training steps of PyTorch, timed on request: what `locallearn` is compared with.

The networks and the methods are those of ../parity/reference.py: modules as anyone would write them, autograd,
torch.optim.SGD, and one optimiser step after all backward passes; what `kind` adds to that says kinds.mjs. Its losses are
those of the golden files: `python3 experiments/parity/reference.py test/fixtures/golden/auglocal-resnet32-k16-d2.json`.

Reads lines of JSON on standard input and answers each with one: first the settings (`kind`, `method`, `layers`, `K`,
`depth`, `threads`, `device`, `precision`, `options`, and `files`: `initial`, parameters by name, and the `images` and `labels` of one
batch), then `{"losses": 1}` for a step's losses, and `{"train": n}` or `{"evaluate": n}` for n timed steps. An answer to
these has the seconds of each step and `peakBytes`: the largest resident size so far less that of the interpreter with
torch loaded, or on a GPU the most that PyTorch's allocator had in use during these steps.
"""
import json
import pathlib
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
from published.networks import Basic, Bottleneck  # noqa: E402
from reference import Run  # noqa: E402
from train import load, read  # noqa: E402


def resident(which):
    """`VmRSS`, now, or `VmHWM`, the largest so far, in bytes; getrusage's maximum starts from the parent process's."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024


def fastest_sgd(parameters, settings):
    """The fused one where this torch has it for this device, else the one that takes all tensors at once."""
    options = {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
    if settings["kind"] == "plain":
        return torch.optim.SGD(parameters, **options)
    try:
        return torch.optim.SGD(parameters, fused=True, **options)
    except (TypeError, RuntimeError):
        return torch.optim.SGD(parameters, foreach=True, **options)


class Peer:
    def __init__(self, settings):
        self.device = device = settings["device"]
        self.short = settings["precision"] == "bf16"
        if device != "cpu":
            torch.set_default_device(device)
        self.tuned = settings["kind"] != "plain"
        self.run = run = Run(settings, torch.float32)
        named = {**dict(run.net.named_parameters()), **dict(run.aux.named_parameters())}
        load(settings["files"]["initial"], named)
        for parameter in named.values():
            parameter.data = parameter.data.to(device)
        if self.tuned:
            run.net.to(memory_format=torch.channels_last)
            run.aux.to(memory_format=torch.channels_last)
            torch.backends.cudnn.benchmark = True
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        if settings["kind"] == "compiled":
            units = [module for module in run.net.modules() if isinstance(module, (Basic, Bottleneck))]
            for module in [*units, *run.aux.children()]:
                # On a GPU with CUDA graphs.
                module.compile(mode=None if device == "cpu" else "reduce-overhead")
        trained = [p for p in named.values() if p.requires_grad]
        self.optimizer = fastest_sgd(trained, settings)
        self.bytes, self.labels = read(settings["files"], run.size)

    def images(self):
        pixels = self.bytes.to(self.device).float() / 255
        if self.tuned:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        return (pixels - self.run.mean) / self.run.std, pixels, self.labels.to(self.device)

    def autocast(self):
        # Without copies of weights, which MAN's moving averages would not reach.
        return torch.autocast(self.device, torch.bfloat16, enabled=self.short, cache_enabled=False)

    def train(self):
        self.run.net.train()
        self.run.aux.train()
        x, pixels, labels = self.images()
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            losses = self.run.step(x, labels, pixels)
        self.optimizer.step()
        return [loss.item() for loss in losses]

    def evaluate(self):
        self.run.net.eval()
        with torch.no_grad(), self.autocast():
            x, _, labels = self.images()
            (self.run.net(x).argmax(1) == labels).sum().item()


def timed(step, count, device):
    seconds = []
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(count):
        start = time.perf_counter()
        step()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds


def main():
    idle = resident("VmRSS")
    settings = json.loads(sys.stdin.readline())
    torch.set_num_threads(settings["threads"])
    peer = Peer(settings)
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        [(what, count)] = json.loads(line).items()
        if what == "losses":
            print(json.dumps({"losses": peer.train()}), flush=True)
            continue
        seconds = timed({"train": peer.train, "evaluate": peer.evaluate}[what], count, peer.device)
        on_cpu = peer.device == "cpu"
        peak = resident("VmHWM") - idle if on_cpu else torch.cuda.max_memory_allocated()
        print(json.dumps({"seconds": seconds, "peakBytes": peak}), flush=True)


if __name__ == "__main__":
    main()

"""Writes what PyTorch's optimisers, schedules, clipping, averages and label smoothing come to in 20 steps.

python experiments/parity/optimizers.py > test/fixtures/optimizers.json

Needs torch alone. Gradients are drawn, not computed: the same ones are given to both sides.
"""

import json
import sys

import torch
from torch.optim import lr_scheduler, swa_utils

STEPS = 20
SHAPES = {"linear.weight": [3, 4], "linear.bias": [3], "conv.weight": [2, 3, 3, 3], "norm.weight": [5]}
DECAYED = {"linear.weight", "conv.weight"}

generator = torch.Generator().manual_seed(1)


def draw(shape, scale=1.0):
    return torch.randn(shape, generator=generator) * scale


INITIAL = {name: draw(shape) for name, shape in SHAPES.items()}
# From large to small, so that clipping does and does not take hold.
GRADIENTS = [{name: draw(shape, 10 ** (-step / 8)) for name, shape in SHAPES.items()} for step in range(STEPS)]


def numbers(tensor):
    # Nine digits tell every float32 from its neighbours.
    return [float(f"{float(value):.9g}") for value in tensor.detach().flatten()]


def parameters():
    return {name: torch.nn.Parameter(value.clone()) for name, value in INITIAL.items()}


def stepped(make, groups=False, clip=lambda own: None, average=None):
    """Parameters after the first and after all steps, and the average of them where one is asked for."""
    own = parameters()
    if groups:
        optimizer = make(
            [
                {"params": [own[name] for name in SHAPES if name in DECAYED]},
                {"params": [own[name] for name in SHAPES if name not in DECAYED], "weight_decay": 0},
            ]
        )
    else:
        optimizer = make(list(own.values()))
    module = torch.nn.ParameterDict({name.replace(".", "_"): value for name, value in own.items()})
    averaged = average and average(module)
    if averaged:
        averaged.update_parameters(module)  # The first call copies: it starts as the initial values.
    trace = []
    for gradients in GRADIENTS:
        for name, parameter in own.items():
            parameter.grad = gradients[name].clone()
        clip(list(own.values()))
        optimizer.step()
        if averaged:
            averaged.update_parameters(module)
        of = averaged.module if averaged else module
        trace.append({name: numbers(of[name.replace(".", "_")]) for name in own})
    return {"first": trace[0], "last": trace[-1]}


def rates(make, steps=STEPS, lr=0.1):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def sgd(**options):
    return lambda groups: torch.optim.SGD(groups, **{"lr": 0.05, **options})


def adamw(**options):
    return lambda groups: torch.optim.AdamW(groups, **{"lr": 0.01, "weight_decay": 0.05, **options})


def ema(decay):
    return lambda module: swa_utils.AveragedModel(module, avg_fn=lambda mean, new, _: decay * mean + (1 - decay) * new)


def smoothed(classes, rows, smoothing):
    logits = draw([rows, classes], 2).requires_grad_()
    labels = torch.randint(classes, [rows], generator=generator)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    loss.backward()
    return {
        **{"smoothing": smoothing, "classes": classes, "labels": labels.tolist(), "logits": numbers(logits)},
        **{"loss": float(loss), "gradient": numbers(logits.grad)},
    }


nesterov = sgd(momentum=0.9, nesterov=True, weight_decay=0.05)
document = {
    "torch": torch.__version__,
    "shapes": SHAPES,
    "initial": {name: numbers(value) for name, value in INITIAL.items()},
    "gradients": [{name: numbers(value) for name, value in step.items()} for step in GRADIENTS],
    "optimizers": {
        "sgd-plain": stepped(sgd()),
        "sgd-plain-decay": stepped(sgd(weight_decay=0.05)),
        "sgd-momentum": stepped(sgd(momentum=0.9, weight_decay=0.05)),
        "sgd-nesterov": stepped(nesterov),
        "sgd-nesterov-no-decay": stepped(nesterov, groups=True),
        "adamw": stepped(adamw()),
        "adamw-no-decay": stepped(adamw(), groups=True),
        "adamw-options": stepped(adamw(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0)),
        "clip-norm": stepped(nesterov, clip=lambda own: torch.nn.utils.clip_grad_norm_(own, 1.5)),
        "clip-value": stepped(nesterov, clip=lambda own: torch.nn.utils.clip_grad_value_(own, 0.5)),
        "average": stepped(nesterov, average=ema(0.9)),
    },
    "schedules": {
        "one-cycle": rates(
            lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=STEPS, cycle_momentum=False)
        ),
        "one-cycle-linear": rates(
            lambda optimizer: lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=0.1,
                total_steps=STEPS,
                pct_start=0.45,
                div_factor=10,
                final_div_factor=100,
                anneal_strategy="linear",
                cycle_momentum=False,
            )
        ),
        # Once an epoch: twenty epochs.
        "steps": rates(lambda optimizer: lr_scheduler.MultiStepLR(optimizer, milestones=[5, 12], gamma=0.2)),
        "linear": rates(
            lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=0.5, end_factor=0.1, total_iters=STEPS)
        ),
        "linear-part": rates(
            lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=0.25, end_factor=1, total_iters=8)
        ),
    },
    "smoothing": [smoothed(5, 4, 0.1), smoothed(3, 2, 0.4)],
}
json.dump(document, sys.stdout, separators=(",", ":"))
sys.stdout.write("\n")

"""Golden files: making them, and comparing a run with one by the rule of the sharp ones."""
import torch

from .run import Run

SETTINGS = ("method", "layers", "K", "depth", "batch", "steps", "learning_rate", "weight_decay", "options")
# What a number may be off by at the least, relative, and how many times the file's distance from double precision.
LEAST = {"loss": 1e-6, "logits": 1e-5, "parameters": 2e-6, "running": 2e-6}
TIMES_DISTANCE = 10


def plain_file(settings, dtype):
    return {**{k: settings[k] for k in SETTINGS if k in settings}, **Run(settings, dtype).run()}


def sharp_file(settings):
    """In single precision, with losses and logits of the same run in double precision and the distance between them."""
    single, double = plain_file(settings, torch.float32), Run(settings, torch.float64).run()
    numbers = {k: single.pop(k) for k in ("loss_trace", "eval_logits", "parameters", "running")}
    about = {
        "init": "xorshift32(crc32(name))",
        "dtype": "float32",
        "source": "experiments/parity/reference.py: PyTorch, written from the texts",
        **({"notes": settings["notes"]} if "notes" in settings else {}),
    }
    precise = {
        "note": "the same program in double precision; distance: largest relative difference of this file from it",
        "loss_trace": double["loss_trace"],
        "eval_logits": double["eval_logits"],
        "distance": differences(numbers, double),
    }
    digits = 8 if settings["options"].get("dataset") == "imagenet" else 10
    return rounded({**single, **about, **numbers, "float64": precise}, digits)


def rounded(value, digits=10):
    """Distances need only a few digits, and numbers of ImageNet's networks, of which there are very many, no more than 8."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [rounded(each, digits) for each in value]
    if isinstance(value, dict):
        return {k: rounded(each, 3 if k == "distance" else digits) for k, each in value.items()}
    return value


def losses_apart(found, expected):
    lengths = [len(trace) for trace in found] == [len(trace) for trace in expected]
    pairs = [pair for traces in zip(found, expected) for pair in zip(*traces)]
    return max(abs(f - e) / max(abs(e), 1e-6) for f, e in pairs) if lengths else float("inf")


def logits_apart(found, expected):
    f, e = torch.tensor(found, dtype=torch.float64), torch.tensor(expected, dtype=torch.float64)
    return ((f - e).abs().max() / e.abs().max()).item()


def norms_apart(found, expected):
    if missing(found, expected):
        return float("inf")
    return max((abs(found[n]["l2"] - e["l2"]) / max(e["l2"], 1e-6) for n, e in expected.items()), default=0.0)


def missing(found, expected):
    """Names that one side lacks, and those of another shape."""
    return sorted(
        n
        for n in {*found, *expected}
        if n not in found or n not in expected or expected[n].get("shape") != found[n].get("shape")
    )


def differences(found, expected):
    return {
        "loss": losses_apart(found["loss_trace"], expected["loss_trace"]),
        "logits": logits_apart(found["eval_logits"], expected["eval_logits"]),
        "parameters": norms_apart(found["parameters"], expected["parameters"]),
        "running": norms_apart(found["running"], expected["running"]),
    }


def allowed(file):
    """By group. A file that gives no distance still tells those of its losses and logits; norms come from the losses."""
    precise = file["float64"]
    loss = losses_apart(file["loss_trace"], precise["loss_trace"])
    logits = logits_apart(file["eval_logits"], precise["eval_logits"])
    distance = precise.get("distance", {"loss": loss, "logits": logits, "parameters": loss, "running": loss})
    return {g: max(least, TIMES_DISTANCE * distance[g]) for g, least in LEAST.items()}


def compare(file):
    """By group: how far a run of the file's settings is off, and what it may be; names that one side lacks."""
    single, double = (Run(file, dtype).run() for dtype in (torch.float32, torch.float64))
    found = {**single, **{k: double[k] for k in ("loss_trace", "eval_logits")}}
    expected = {**file, **{k: file["float64"][k] for k in ("loss_trace", "eval_logits")}}
    lacking = [n for g in ("parameters", "running") for n in missing(found[g], file[g])]
    return differences(found, expected), allowed(file), lacking

"""Reference runs in plain PyTorch, written from the papers' equations, independently of the package.

    python3 reference.py SETTINGS.json [--float64] > GOLDEN.json
    python3 reference.py SETTINGS.json --sharp > GOLDEN.json
    python3 reference.py --check GOLDEN.json ...

SETTINGS has the fields `method`, `layers`, `K`, `depth`, `batch`, `steps`, `options` and, where they differ from the older
files', `learning_rate` and `weight_decay` of a file of golden numbers (a golden file itself will do); what is printed is
a whole such file. With --float64 everything but the initial values and the images is computed in double precision,
which shows how far rounding alone moves a float32 run. --sharp prints a sharp file: the float32 run with the losses and
logits of the double-precision one. --check runs the settings of sharp files, compares every number with the run of the
precision that it was made in (losses and logits double, parameters and running statistics single) by the rule of sharp
files, and ends with 1 if one is off.
"""
import argparse
import json
import sys

import torch

from published.golden import compare, plain_file, sharp_file
from published.run import Run  # noqa: F401, for ../peer
from published.streams import initial  # noqa: F401, for ../peer


def read(path):
    with open(path) as file:
        return json.load(file)


def check(path):
    """Whether the runs agree with the file; prints a line."""
    found, bounds, lacking = compare(read(path))
    passed = not lacking and all(found[group] <= bounds[group] for group in bounds)
    groups = ", ".join(f"{group} {found[group]:.1e} (at most {bounds[group]:.1e})" for group in bounds)
    print(f"{'ok  ' if passed else 'OFF '} {path}: {groups}", flush=True)
    if lacking:
        print(f"     only on one side, or of another shape: {', '.join(lacking)}")
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a JSON file; with --check any number of them")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--sharp", action="store_true")
    what.add_argument("--float64", action="store_true")
    what.add_argument("--check", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.check:
        sys.exit(0 if all([check(path) for path in args.files]) else 1)
    if len(args.files) != 1:
        parser.error("one file of settings at a time")
    settings = read(args.files[0])
    made = sharp_file(settings) if args.sharp else plain_file(settings, torch.float64 if args.float64 else torch.float32)
    json.dump(made, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()

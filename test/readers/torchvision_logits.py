"""Loads our weights into torchvision's network, strictly, and prints its logits; and the other way round.

    torchvision_logits.py CASE SIZE OURS IMAGES THEIRS

CASE is of experiments/torchvision/cases.mjs. Into THEIRS goes the state dict of that network with values of its own,
as one saves pretrained weights. Prints the logits of our weights, then of those.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).resolve().parents[2] / "experiments" / "torchvision"))
from compare import reference  # noqa: E402

case, size, ours, images, theirs = sys.argv[1:]
torch.set_num_threads(1)
images = load_file(images)["images"]
model = reference(case, int(size)).eval()


def logits():
    with torch.no_grad():
        return model(images).tolist()


model.load_state_dict(load_file(ours), strict=True)
of_ours = logits()

generator = torch.Generator().manual_seed(1)
state = model.state_dict()
for name, tensor in state.items():
    if name.endswith("num_batches_tracked"):
        tensor.fill_(7)
    elif tensor.dim() == 1:
        tensor.copy_(0.5 + 0.5 * torch.rand(tensor.shape, generator=generator))
    else:
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5)
save_file(state, theirs)
print(json.dumps({"ours": of_ours, "theirs": logits()}))

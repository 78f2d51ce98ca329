"""Prints what TensorBoard, pandas, json and safetensors read of a run folder."""
import json
import sys
from pathlib import Path

import pandas
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = Path(sys.argv[1])

events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
events.Reload()
metrics = pandas.read_csv(folder / "metrics.csv")
weights = folder / "weights.safetensors"
with safe_open(weights, "pt") as file:
    metadata = file.metadata()

print(
    json.dumps(
        {
            "scalars": {
                tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
            },
            "dtypes": {column: str(dtype) for column, dtype in metrics.dtypes.items()},
            "metrics": json.loads(metrics.to_json(orient="records", double_precision=15)),
            "summary": json.loads((folder / "summary.json").read_text()),
            "weights": {
                name: [str(tensor.dtype), list(tensor.shape), tensor.double().sum().item()]
                for name, tensor in load_file(weights).items()
            },
            "metadata": metadata,
        }
    )
)

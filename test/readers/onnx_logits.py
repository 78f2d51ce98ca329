"""Checks an ONNX model whole, and prints ONNX Runtime's logits of the first image alone and of all.

    onnx_logits.py MODEL IMAGES, images as a safetensors file
"""
import json
import sys

import onnx
import onnxruntime
from safetensors.numpy import load_file

model, images = sys.argv[1:]
onnx.checker.check_model(model, full_check=True)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
batch = load_file(images)["images"]
(found,) = session.get_inputs()
print(
    json.dumps(
        {
            "input": [found.name, found.type, found.shape[1:]],
            "logits": [session.run(["logits"], {"images": batch[:size]})[0].tolist() for size in (1, len(batch))],
            "metadata": session.get_modelmeta().custom_metadata_map,
        }
    )
)

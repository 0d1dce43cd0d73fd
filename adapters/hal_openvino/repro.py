"""A case without this package: what `hal repro` puts into its script.

`$device`, `$arithmetic` and `$threads` are put in as Python literals.
"""

SCRIPT = """
import openvino


def run(model, feeds):
    hint = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}.get($arithmetic)
    config = {"INFERENCE_PRECISION_HINT": hint} if hint else {}
    compiled = openvino.Core().compile_model(model, $device.upper(), config)
    results = compiled(feeds)
    return [results[port] for port in compiled.outputs]
"""

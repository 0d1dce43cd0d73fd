"""A case without this package: what `hal repro` puts into its script.

`$device`, `$arithmetic` and `$vendor` are put in as Python literals.
"""

SCRIPT = """
import openvino


def run(model, feeds):
    hint = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}.get($arithmetic)
    config = {**({"INFERENCE_PRECISION_HINT": hint} if hint else {}), **$vendor}
    core = openvino.Core()
    with open(model, "rb") as file:  # as bytes: given a path, another importer converts it
        graph = core.read_model(file.read(), b"")
    compiled = core.compile_model(graph, $device.upper(), config)
    read = {name for port in compiled.inputs for name in port.get_names()}
    results = compiled({name: fed for name, fed in feeds.items() if name in read})
    return [results[port] for port in compiled.outputs]
"""

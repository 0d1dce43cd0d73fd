"""A case without this package: what `hal repro` puts into its script.

`$device` and `$vendor` are put in as Python literals.
"""

from hal_iree.devices import KINDS

_FLAGS = {name: [kind.driver, *kind.flags] for name, kind in KINDS.items()}
SCRIPT = f"""
import subprocess

import iree.runtime as rt

FLAGS = {_FLAGS!r}


def run(model, feeds):
    driver, *flags = FLAGS[$device.partition(":")[0]]
    flags += ["--iree-input-type=onnx", "--iree-input-demote-f64-to-f32=false"]
    flags += $vendor.get("flags", [])
    subprocess.run(["iree-import-onnx", model, "-o", "model.mlir"], check=True)
    subprocess.run(["iree-compile", "model.mlir", "-o", "model.vmfb", *flags], check=True)
    loaded = rt.load_vm_flatbuffer_file("model.vmfb", driver=driver)
    entry = [n for n in loaded.vm_module.function_names if n[0] != "_" and "$$" not in n][0]
    results = loaded[entry](*feeds.values())
    results = results if isinstance(results, tuple) else (results,)
    return [result.to_host() for result in results]
"""

"""A case without this package: what `hal repro` puts into its script.

`$device`, `$threads` and `$vendor` are put in as Python literals.
"""

SCRIPT = """
import onnxruntime


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = $threads or 0
    named = {p.partition("Exec")[0].lower(): p for p in onnxruntime.get_available_providers()}
    session = onnxruntime.InferenceSession(model, options, providers=[named[$device]])
    return session.run(None, feeds)
"""

PLUGIN_SCRIPT = """
from importlib import import_module

import onnxruntime

library, _, name = $device.partition("#")
if "/" not in library and "\\\\" not in library:
    module = import_module(library)
    library, name = module.get_library_path(), name or module.get_ep_name()
before = {found.ep_name for found in onnxruntime.get_ep_devices()}
onnxruntime.register_execution_provider_library(name or "plugin", library)
offered = [found for found in onnxruntime.get_ep_devices() if found.ep_name not in before]


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = $threads or 0
    given = $vendor.get("provider_options", {})
    given = {key: str(int(v) if isinstance(v, bool) else v) for key, v in given.items()}
    options.add_provider_for_devices(offered[:1], given)
    return onnxruntime.InferenceSession(model, options).run(None, feeds)
"""

"""A case without this package: what `hal repro` puts into its script.

`$device` and `$threads` are put in as Python literals.
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

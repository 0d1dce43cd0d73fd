"""The standard's own evaluator as a device: `onnx.reference`, in Python, slow, everywhere.

    adapter.py   the Adapter: probe, compile, query; where an entry point leads
    program.py   the Program: run, placement
    errors.py    the evaluator's exceptions in our words

Importing this package does not import `onnx`.
"""

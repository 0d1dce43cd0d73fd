"""Arm's TOSA reference model behind the device interface, with torch-mlir before it.

adapter.py     the Adapter: the model, loading                   (required)
program.py     the Program: run, save                           (required)
lower.py       from ONNX to TOSA: torch-mlir's tools, and Arm's serialiser
expectations.toml   what is known to go wrong
README.md      what it is, what it takes, what it gets wrong
"""

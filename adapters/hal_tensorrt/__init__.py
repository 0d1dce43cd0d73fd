"""NVIDIA's TensorRT and TensorRT-RTX behind the device interface, through the API they share.

adapter.py     the two Adapters: devices, queries, saved programs   (required)
build.py       a model parsed, and built into an engine
program.py     the Program: an engine, and its runs on a GPU   (required)
cuda.py        the CUDA runtime: its calls, and memory that is lent over DLPack
errors.py      the log, and what the parser, the builder and CUDA say, in our words
expectations.toml   what is known to go wrong
README.md      what was measured, and what was not run
"""

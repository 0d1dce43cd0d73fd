"""NVIDIA's TensorRT and TensorRT-RTX behind the device interface, through the API they share.

adapter.py     the two Adapters: devices, queries, saved programs   (required)
build.py       a model parsed, and built into an engine
program.py     the Program: an engine, and what a run needs of it   (required)
running.py     an engine on a GPU
cuda.py        the CUDA runtime: GPUs and memory
dlpack.py      that memory, lent to other libraries
errors.py      the log, and what the parser, the builder and CUDA say, in our words
expectations.toml   what is known to go wrong
README.md      what was measured, and what was not run
"""

"""IREE behind the device interface: CPUs, Vulkan, CUDA, HIP, and a portable interpreter.

adapter.py     the Adapter: devices, compilation, loading        (required)
program.py     the Program: run, save                           (required)
compiling.py   ONNX to IREE's form here, then its compiler, a process of its own
devices.py     which devices there are, and what the compiler is told for each
errors.py      what the compiler and the runtime say, in our words
repro.py       a case without this package
expectations.toml   what is known to go wrong
README.md      devices, what is claimed, what IREE gets wrong
"""

"""tinygrad behind the device interface: kernels that it generates for the CPU, OpenCL and CUDA.

adapter.py     the Adapter: compile, query, options          (required)
program.py     the Program: a runner of one set of shapes    (required)
replay.py      which models' kernels are recorded and replayed
devices.py     which of tinygrad's devices are here, and what brings those that are not
errors.py      tinygrad's exceptions in our words
expectations.toml   what is known to go wrong
README.md      what is claimed, and what is not
"""

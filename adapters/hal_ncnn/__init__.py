"""Tencent's ncnn behind the device interface, on the CPU and on Vulkan.

adapter.py     the Adapter: devices, compilation, loading       (required)
program.py     the Program: run, save                           (required)
convert.py     pnnx, the vendor's converter, and what it says
expectations.toml   what is known to go wrong
README.md      what it takes, what it needs, what it gets wrong
"""

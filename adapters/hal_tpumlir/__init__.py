"""Sophgo's TPU-MLIR behind the device interface: its models of their chips.

adapter.py     the Adapter: the chips, compilation, errors       (required)
program.py     the Program: run, placement                      (required)
tools.py       the vendor's command-line tools, started in their own environment
placement.py   where each node runs, read from the compiled program's text
errors.py      what the tools print, in our words
expectations.toml   what is known to go wrong
README.md      what the chip models are, and what they need
"""

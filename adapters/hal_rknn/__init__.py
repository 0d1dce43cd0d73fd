"""Rockchip's RKNN-Toolkit2 behind the device interface: its simulator of their chips.

adapter.py   the Adapter: the chips, compilation, errors          (required)
program.py   the Program: run, placement                         (required)
logs.py      where each node runs, read from the compiler's log
errors.py    the toolkit's exceptions in our words
expectations.toml   what is known to go wrong
README.md    what the simulator is, and what it is not
"""

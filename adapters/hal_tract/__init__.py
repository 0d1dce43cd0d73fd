"""tract behind the device interface; importing this package does not import tract.

adapter.py     the Adapter: the CPU, compile, query, load     (required)
program.py     the Program: run, save, placement              (required)
errors.py      tract's messages in our words
expectations.toml   what is known to go wrong
"""

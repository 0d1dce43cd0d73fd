"""A device that is not there: the smallest adapter, to be copied.

adapter.py   the Adapter: what devices there are, compilation, errors   (required)
program.py   the Program: run                                          (required)
errors.py    the vendor's exceptions in our words
expectations.toml   what is known to go wrong
README.md    how to make it yours
"""

"""A device made of two command lines over files: one compiles, one runs. No code is written.

adapter.py   the Adapter: writes the model to a file and has it compiled
program.py   the Program: writes the inputs, has them run, reads the outputs
lines.py     a target's two command lines: placeholders, exit codes, what they say
README.md    how to describe such a device in devices.yaml
"""

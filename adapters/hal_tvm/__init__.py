"""Apache TVM behind the device interface; importing this package does not import TVM.

adapter.py     the Adapter: compile, query, load                        (required)
program.py     the Program: run, save, placement                        (required)
devices.py     what it generates code for, and what is claimed of that
importing.py   an ONNX model as TVM's module, with the front end's words kept
errors.py      TVM's exceptions in our words
expectations.toml   what is known to go wrong
"""

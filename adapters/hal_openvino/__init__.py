"""OpenVINO behind the device interface; importing this package does not import OpenVINO.

Read `adapter.py` first. The rest are its tables and parts:

    adapter.py     the Adapter: devices, compile, query, load                 (required)
    program.py     the Program: run, submit, save, placement, bind, profile   (required)
    request.py     the hot path of a run
    binding.py     a run on the caller's own buffers
    devices.py     device ids, and what is claimed of each device
    options.py     CompileOptions in OpenVINO's property names
    signature.py   which port is which input or output of the model
    tensors.py     ONNX types and OpenVINO's, and moving values in and out
    placement.py   which unit of the compiled graph computes which node
    support.py     which nodes a device would take
    errors.py      OpenVINO's exceptions and messages in our words
    expectations.toml   what is known to go wrong
"""

"""ONNX Runtime as devices: its CPU, other built-in execution providers, and plugins.

    adapter.py     the Adapter: probe, compile, load, query; where an entry point leads
    plugin.py      the Adapter of plugin execution providers, which a stock onnxruntime loads
    plugin_library.py, plugin_probe.py   finding, loading and describing plugins
    devices.py     which execution providers there are, and what is claimed of each
    options.py     `CompileOptions.vendor`: the words it takes
    compiling.py   from a recipe to a program; models of open shapes on devices of fixed ones
    session.py     the one place that makes sessions; how to make the same one again
    program.py     the Programs: run, bind, save, profile
    values.py      ONNX values into ONNX Runtime and back
    placement.py   where each node of the original model ran
    errors.py      ONNX Runtime's exceptions in our words

Importing this package does not import `onnxruntime`.
"""

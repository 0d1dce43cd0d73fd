"""ONNX Runtime as a device: its CPU and every other execution provider built into the wheel.

    adapter.py     the Adapter: probe, compile, load, query; where an entry point leads
    devices.py     which execution providers there are, and what is claimed of each
    options.py     `CompileOptions.vendor`: the words it takes
    session.py     the one place that makes sessions; how to make the same one again
    program.py     the Programs: run, bind, save, profile
    values.py      ONNX values into ONNX Runtime and back
    placement.py   where each node of the original model ran
    errors.py      ONNX Runtime's exceptions in our words

Importing this package does not import `onnxruntime`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_onnxruntime.adapter import OnnxRuntimeAdapter

__all__ = ["OnnxRuntimeAdapter"]


def __getattr__(name: str) -> Any:
    if name == "OnnxRuntimeAdapter":
        from hal_onnxruntime.adapter import OnnxRuntimeAdapter

        return OnnxRuntimeAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

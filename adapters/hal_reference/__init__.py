"""The standard's own evaluator as a device: `onnx.reference`, in Python, slow, everywhere.

    adapter.py   the Adapter: probe, compile, query; where an entry point leads
    program.py   the Program: run, placement
    errors.py    the evaluator's exceptions in our words

Importing this package does not import `onnx`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_reference.adapter import ReferenceAdapter

__all__ = ["ReferenceAdapter"]


def __getattr__(name: str) -> Any:
    if name == "ReferenceAdapter":
        from hal_reference.adapter import ReferenceAdapter

        return ReferenceAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Arm's TOSA reference model behind the device interface, with torch-mlir before it.

adapter.py     the Adapter: the model, loading                   (required)
program.py     the Program: run, save                           (required)
lower.py       from ONNX to TOSA: torch-mlir's tools, and Arm's serialiser
expectations.toml   what is known to go wrong
README.md      what it is, what it takes, what it gets wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_tosa.adapter import TosaAdapter

__all__ = ["TosaAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any vendor."""
    if name in __all__:
        from hal_tosa import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Apache TVM behind the device interface; importing this package does not import TVM.

adapter.py     the Adapter: compile, query, load                        (required)
program.py     the Program: run, save, placement                        (required)
devices.py     what it generates code for, and what is claimed of that
importing.py   an ONNX model as TVM's module, with the front end's words kept
errors.py      TVM's exceptions in our words
expectations.toml   what is known to go wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_tvm.adapter import TvmAdapter

__all__ = ["TvmAdapter"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from hal_tvm import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

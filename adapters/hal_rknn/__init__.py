"""Rockchip's RKNN-Toolkit2 behind the device interface: its simulator of their chips.

adapter.py   the Adapter: the chips, compilation, errors          (required)
program.py   the Program: run, placement                         (required)
logs.py      where each node runs, read from the compiler's log
errors.py    the toolkit's exceptions in our words
expectations.toml   what is known to go wrong
README.md    what the simulator is, and what it is not
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_rknn.adapter import RknnAdapter

__all__ = ["RknnAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any vendor."""
    if name in __all__:
        from hal_rknn import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""tract behind the device interface; importing this package does not import tract.

adapter.py     the Adapter: the CPU, compile, query, load     (required)
program.py     the Program: run, save, placement              (required)
errors.py      tract's messages in our words
expectations.toml   what is known to go wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_tract.adapter import TractAdapter

__all__ = ["TractAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any vendor."""
    if name in __all__:
        from hal_tract import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

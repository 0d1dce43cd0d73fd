"""Tencent's ncnn behind the device interface, on the CPU and on Vulkan.

adapter.py     the Adapter: devices, compilation, loading       (required)
program.py     the Program: run, save                           (required)
convert.py     pnnx, the vendor's converter, and what it says
expectations.toml   what is known to go wrong
README.md      what it takes, what it needs, what it gets wrong
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_ncnn.adapter import NcnnAdapter

__all__ = ["NcnnAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any vendor."""
    if name in __all__:
        from hal_ncnn import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""A device that is not there: the smallest adapter, to be copied.

adapter.py   the Adapter: what devices there are, compilation, errors   (required)
program.py   the Program: run                                          (required)
errors.py    the vendor's exceptions in our words
expectations.toml   what is known to go wrong
README.md    how to make it yours
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_template.adapter import TemplateAdapter

__all__ = ["TemplateAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any vendor."""
    if name in __all__:
        from hal_template import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

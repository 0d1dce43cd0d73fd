"""A device made of two command lines over files: one compiles, one runs. No code is written.

adapter.py   the Adapter: writes the model to a file and has it compiled
program.py   the Program: writes the inputs, has them run, reads the outputs
lines.py     a target's two command lines: placeholders, exit codes, what they say
README.md    how to describe such a device in devices.yaml
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_command.adapter import CommandAdapter

__all__ = ["CommandAdapter"]


def __getattr__(name: str) -> Any:
    """Import on demand: listing the adapters must not load any."""
    if name in __all__:
        from hal_command import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

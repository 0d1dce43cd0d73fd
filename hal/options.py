"""Compile options as a user gives them: known names, right types, over those of the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from hal.errors import InputError
from hal.spec import CompileOptions


def _is_dimensions(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    lengths = cast("Mapping[str, object]", value).values()
    return all(type(length) is int for length in lengths)


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "allow_fallback": (lambda v: isinstance(v, bool), "True or False"),
    "arithmetic": (lambda v: v is None or isinstance(v, str), "a name such as 'fp32', or None"),
    "dimensions": (_is_dimensions, "a mapping of symbolic dimensions to lengths"),
    "goal": (lambda v: v in ("latency", "throughput"), "'latency' or 'throughput'"),
    "threads": (lambda v: v is None or (type(v) is int and v > 0), "a number above 0, or None"),
    "vendor": (lambda v: isinstance(v, Mapping), "a mapping of the vendor's own options"),
}
"""For each option, whether a value fits, and what does."""


def over(options: CompileOptions, given: Mapping[str, Any]) -> CompileOptions:
    """What was given over `options`; of the two mappings, key by key.

    Raises:
        InputError: an option does not exist, or is of a wrong type.
    """
    unknown = sorted(set(given) - set(_KINDS))
    if unknown:
        raise InputError(
            f"no compile option {unknown[0]!r}; the options are {sorted(_KINDS)}, "
            "and a vendor's own go into vendor={...}"
        )
    for name, value in given.items():
        fits, kind = _KINDS[name]
        if not fits(value):
            raise InputError(f"compile option {name!r} is {value!r}; it takes {kind}")
    merged = {
        name: {**getattr(options, name), **given[name]}
        for name in ("dimensions", "vendor")
        if name in given
    }
    return replace(options, **{**given, **merged})

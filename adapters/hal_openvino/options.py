"""CompileOptions in OpenVINO's property names.

Portable options become properties by the tables below; `vendor` options are OpenVINO's own
property names, checked against what the device says it supports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from hal.errors import InputError, Unsupported
from hal.spec import CompileOptions

PRECISIONS: Mapping[str, str] = MappingProxyType({"fp32": "f32", "bf16": "bf16", "fp16": "f16"})
"""INFERENCE_PRECISION_HINT by the arithmetic asked for."""

GOALS: Mapping[str, str] = MappingProxyType({"latency": "LATENCY", "throughput": "THROUGHPUT"})
"""PERFORMANCE_HINT by goal."""

EXACT = "EXECUTION_MODE_HINT"
"""ACCURACY keeps float32 from being quantised on the way (weights, caches, activations)."""


def properties(options: CompileOptions, supported: Iterable[str]) -> dict[str, Any]:
    """The properties that the portable options mean on a device that supports those names.

    Raises:
        Unsupported: the device has no property for what was asked.
    """
    known = set(supported)
    asked: dict[str, Any] = {}
    if "PERFORMANCE_HINT" in known:
        asked["PERFORMANCE_HINT"] = GOALS[options.goal]
    if options.arithmetic is not None:
        if options.arithmetic not in PRECISIONS:
            raise Unsupported(
                f"OpenVINO has no arithmetic {options.arithmetic!r}; it has "
                f"{sorted(PRECISIONS)}"
            )
        asked["INFERENCE_PRECISION_HINT"] = PRECISIONS[options.arithmetic]
        if options.arithmetic == "fp32" and EXACT in known:
            asked[EXACT] = "ACCURACY"
    if options.threads is not None:
        asked["INFERENCE_NUM_THREADS"] = options.threads
    for name in asked:
        if name not in known:
            raise Unsupported(f"this device has no property {name}: it cannot be asked that")
    return asked


def check_vendor(vendor: Mapping[str, Any], supported: Mapping[str, str]) -> dict[str, Any]:
    """The vendor options, each of them a property that can be set.

    Raises:
        InputError: there is no such property, or it can only be read.
    """
    settable = [name for name, access in supported.items() if access != "RO"]
    for name in vendor:
        if name not in settable:
            near = get_close_matches(name.upper(), settable, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            what = "can only be read" if name in supported else "is no property of this device"
            raise InputError(
                f"vendor option {name!r} {what}{hint}; it can set {sorted(settable)}"
            )
    return dict(vendor)

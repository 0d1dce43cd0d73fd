"""The catalogue of faults, written before anybody looked at what finds them.

    attributes.py  ignored, misread, other defaults    operands.py   lost, exchanged, transposed
    axes.py        wrong axes                          outputs.py    misplaced, tails, types
    precision.py   lower arithmetic, rounding          functions.py  approximations, formulas
    specials.py    NaN, infinity, zero, ties           casts.py      casts, whole numbers
    shapes.py      some shapes, broadcasting           runs.py       later runs, versions
    windows.py     pads, resampling                    reductions.py reductions, normalisation
    quantised.py   scales, zero points                 indices.py    indices, slices, updates
    sequences.py   recurrence, attention               flow.py       control flow, text
    classical.py   trees, scores, kernels

A fault that turned out to be none, because the standard allows it, is removed with its reason
in docs/power.md; none is changed to be easier.
"""

from __future__ import annotations

from functools import cache

from hal_conformance.power.catalogue import (
    attributes,
    axes,
    casts,
    classical,
    flow,
    functions,
    indices,
    operands,
    outputs,
    precision,
    quantised,
    reductions,
    runs,
    sequences,
    shapes,
    specials,
    windows,
)
from hal_conformance.power.fault import Fault

_MODULES = (
    *(attributes, axes, functions, operands, outputs, precision),
    *(quantised, indices, sequences, flow, classical, shapes, runs),
    *(specials, casts, windows, reductions),
)


@cache
def faults() -> tuple[Fault, ...]:
    """Every fault, always in the same order."""
    found = tuple(fault for module in _MODULES for fault in module.faults())
    ids = [fault.id for fault in found]
    twice = {name for name in ids if ids.count(name) > 1}
    if twice:
        raise ValueError(f"two faults are called {sorted(twice)}")
    return found

"""What is asked of a device, a module a subject; the order here is that of the table."""

from __future__ import annotations

from hal_conformance.fingerprint.fact import Probe
from hal_conformance.fingerprint.probes import (
    accumulators,
    casts,
    choices,
    convolution,
    formats,
    functions,
    fused,
    integers,
    orders,
    repeats,
    special,
    subnormals,
)

PROBES: tuple[Probe, ...] = tuple(
    probe
    for module in (
        formats,
        accumulators,
        orders,
        fused,
        convolution,
        subnormals,
        functions,
        casts,
        special,
        integers,
        choices,
        repeats,
    )
    for probe in module.PROBES
)

"""The families of operators: each module's FAMILIES declares how its operators are called."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hal_conformance.generated.form import Family

NAMES = (
    "elementwise",
    "binary",
    "reduction",
    "movement",
    "indexing",
    "constants",
    "ranges",
    "linear",
    "convolution",
    "pooling",
    "normalization",
    "conversion",
    "quantization",
    "recurrent",
    "attention",
    "vision",
    "random",
    "signal",
    "text",
    "containers",
    "control",
    "ml",
    "ml_models",
    "trees",
    "breadth_moves",
    "breadth_words",
    "breadth_models",
    "breadth_control",
    "breadth",
)


def families_of(domain: str, op: str) -> tuple[Family, ...]:
    """The families an operator belongs to."""
    return _by_op().get((domain, op), ())


@cache
def _by_op() -> dict[tuple[str, str], tuple[Family, ...]]:
    found: dict[tuple[str, str], tuple[Family, ...]] = {}
    for name in NAMES:
        module = import_module(f"hal_conformance.generated.families.{name}")
        for family in module.FAMILIES:
            for op in family.ops:
                key = (family.domain, op)
                found[key] = (*found.get(key, ()), family)
    return found

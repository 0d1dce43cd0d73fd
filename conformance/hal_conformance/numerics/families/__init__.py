"""The rules, one module a family of operators."""

from __future__ import annotations

from importlib import import_module

NAMES: tuple[str, ...] = (
    "elementwise",
    "selection",
    "smooth",
    "discontinuous",
    "casting",
    "ordering",
    "hardmax",
    "movement",
    "text",
    "sequences",
    "scattering",
    "contraction",
    "convolution",
    "reduction",
    "pooling",
    "recurrent",
    "signal",
    "regions",
    "normalisation",
    "quantised",
    "activation",
    "random_",
    "training",
    "resize",
    "sampling",
    "ml",
    "trees",
    "determinant",
    "requantised",
    "labels",
    "maps",
)


def load() -> None:
    """Import every family, which registers its rules."""
    for name in NAMES:
        import_module(f"hal_conformance.numerics.families.{name}")

"""Forms that only the newest version of an operator gets: older kernels are the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from onnx import defs

from hal_conformance.generated.form import Form


def newest(op: str, forms: Iterable[Form]) -> list[Form]:
    """The forms, from the version on that the installed onnx has last."""
    since = defs.get_schema(op).since_version
    return [replace(form, since=since) for form in forms]


def sizes(names: str, *given: tuple[int, ...]) -> tuple[dict[str, int], ...]:
    """A data set each: sizes of the symbolic dimensions, a letter each."""
    return tuple(dict(zip(names, each, strict=True)) for each in given)


PLANES = sizes(
    "NHW", (2, 4, 8), (2, 4, 8), (3, 5, 5), (1, 4, 7), (0, 4, 5), (5, 9, 16), (3, 13, 35)
)
"""Of planes: the same twice, so that what is kept shows; then square, odd, none, long."""

FULL = tuple(size for size in PLANES if size["N"])
"""The same without the empty one, for operators that need an image."""

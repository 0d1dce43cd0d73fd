"""How far two results of one model are apart, and whether they agree.

Two outputs agree where their types and shapes are equal and every element satisfies

    |a - b| <= atol + rtol * max(|b|, rms(b))

with rms the root mean square of the whole output b: elements near zero are judged on the
output's scale, since rounding errors are of that scale too. Integers, booleans and strings must
be equal; NaN equals NaN. The default rtol is 1e-3, or 4 machine epsilons of the output's type
where that is more (float16: 3.9e-3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from hal import dtypes
from hal.cli.arrays import leaves
from hal.tensor import Array

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

RTOL = 1e-3
_EPSILONS = 4


@dataclass(frozen=True)
class Comparison:
    """One output of two targets; a measure that means nothing for its type is None.

    `ulp` counts the representable numbers between the two, at the worst element; `cosine` is of
    the whole outputs; `top1` the share of rows (along the last axis) with the largest element
    at the same place.
    """

    output: str
    dtype: str
    shape: tuple[int, ...]
    agree: bool
    max_abs: float | None = None
    max_rel: float | None = None
    ulp: int | None = None
    cosine: float | None = None
    top1: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(
    got: Mapping[str, Any], other: Mapping[str, Any], *, rtol: float | None, atol: float
) -> list[Comparison]:
    """Every output of `got` against the one of `other`; sequences and maps by element."""
    left, right = dict(leaves(got)), dict(leaves(other))
    names = [*left, *(name for name in right if name not in left)]
    return [_compare(name, left.get(name), right.get(name), rtol, atol) for name in names]


def _compare(
    name: str, a: Array | None, b: Array | None, rtol: float | None, atol: float
) -> Comparison:
    if a is None or b is None:
        both = a is b
        return Comparison(name, "none", (), both, reason="" if both else "only one has it")
    kind = dtypes.of_array(a)
    what = f"{kind}[{', '.join(map(str, a.shape))}]"
    against = f"{dtypes.of_array(b)}[{', '.join(map(str, b.shape))}]"
    if what != against:
        reason = f"{what} against {against}"
        return Comparison(name, kind.name, a.shape, False, reason=reason)
    if kind.name in ("string", "bool") or "int" in kind.name:
        return _compare_exact(name, kind.name, a, b)
    if kind.name.startswith("complex"):
        return _compare_floats(name, kind, _parts(a), _parts(b), rtol, atol, a.shape)
    return _compare_floats(name, kind, a, b, rtol, atol, a.shape)


def _compare_exact(name: str, dtype: str, a: Array, b: Array) -> Comparison:
    differs = np.asarray(a != b, dtype=np.bool_)
    wrong = int(np.count_nonzero(differs))
    worst = None
    if "int" in dtype:
        # Python's integers: the difference of two int64 or uint64 fits no fixed width.
        gaps = np.abs(a[differs].astype(object) - b[differs].astype(object))
        worst = float(gaps.max()) if wrong else 0.0
    reason = f"{wrong} of {a.size} elements differ" if wrong else ""
    return Comparison(name, dtype, a.shape, not wrong, max_abs=worst, reason=reason)


def _compare_floats(
    name: str,
    kind: dtypes.DType,
    a: Array,
    b: Array,
    rtol: float | None,
    atol: float,
    shape: tuple[int, ...],
) -> Comparison:
    if not a.size:
        return Comparison(name, kind.name, shape, True)
    x, y = a.astype(np.float64), b.astype(np.float64)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    finite = np.isfinite(x) & np.isfinite(y)
    p, q = np.where(finite, x, 0.0), np.where(finite, y, 0.0)
    gap, size, scale = _distance(p, q)
    relative = rtol if rtol is not None else max(RTOL, _EPSILONS * _epsilon(a))
    within = finite & (gap <= atol + relative * np.maximum(size, scale))
    wrong = int(np.count_nonzero(~(same | within)))
    with np.errstate(over="ignore"):  # a gap to a subnormal number is relatively infinite
        rel = np.divide(gap, size, out=np.zeros_like(gap), where=size > 0)
    return Comparison(
        name,
        kind.name,
        shape,
        not wrong,
        max_abs=float(gap.max()),
        max_rel=float(rel.max()),
        ulp=_ulps(a, b, finite),
        cosine=_cosine(p, q),
        top1=_top1(x, y) if x.shape == shape else None,
        reason=f"{wrong} of {x.size} elements differ" if wrong else "",
    )


def _distance(x: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """The gaps, the sizes of y, and their root mean square; large doubles may overflow."""
    with np.errstate(over="ignore"):
        size = np.abs(y)
        return np.abs(x - y), size, float(np.sqrt(np.mean(np.square(size))))


def _parts(array: Array) -> Array:
    """Complex numbers as the real ones they are made of, in one row."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(f"f{array.dtype.itemsize // 2}")


def _epsilon(array: Array) -> float:
    finfo: Any = ml_dtypes.finfo  # not annotated
    return float(finfo(array.dtype).eps)


def _ulps(a: Array, b: Array, finite: Array) -> int | None:
    """The most representable numbers between two elements, by the order of their bits."""
    width = a.dtype.itemsize
    if dtypes.of_array(a).bits != 8 * width:
        return None
    differs = finite & np.asarray(a != b, dtype=np.bool_)
    if not differs.any():
        return 0
    gaps: Array = _ranks(a[differs], width) - _ranks(b[differs], width)
    return int(max(abs(int(gap)) for gap in (gaps.min(), gaps.max())))


def _ranks(array: Array, width: int) -> Array:
    """Every float's place in the order of all floats; -0.0 and 0.0 share one."""
    raw = np.ascontiguousarray(array).view(f"u{width}")
    wide: Array = raw.astype(object if width == 8 else np.int64)
    sign = 1 << (8 * width - 1)
    return np.where(raw >= sign, sign - wide, wide)


def _cosine(x: Floats, y: Floats) -> float | None:
    dot: Any = np.vdot  # its overloads are too many for pyright
    lengths = math.sqrt(dot(x, x)) * math.sqrt(dot(y, y))
    return float(dot(x, y)) / lengths if lengths else None


def _top1(x: Floats, y: Floats) -> float | None:
    if x.ndim == 0 or x.shape[-1] < 2:
        return None
    same: Array = np.asarray(x.argmax(axis=-1) == y.argmax(axis=-1))
    return float(same.sum()) / same.size

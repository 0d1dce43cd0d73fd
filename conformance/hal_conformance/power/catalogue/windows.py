"""Pads, windows and resampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    always,
    among,
    both,
    changing_attribute,
    having,
    mapped,
    with_array,
)

WINDOWS, RESAMPLING = "pads and windows", "resampling"
_POOLS = ("AveragePool", "MaxPool", "LpPool")


def _list_attribute(name: str, change: Callable[[list[int]], list[int]]) -> Mutate:
    def changed(value: Any, _: Call) -> Any:
        return change([int(v) for v in value]) if isinstance(value, list) and value else value  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # decoded

    return changing_attribute(name, changed)


def _pads(change: Callable[[list[int]], list[int]]) -> Mutate:
    """Pads changed, an attribute or the second input of Pad."""

    def mutate(call: Call) -> Values:
        place = call.position("pads")
        given = None if place is None else call.tensor(place)
        if place is not None and given is not None:
            made = np.asarray(change([int(v) for v in given.array.ravel()]), np.int64)
            return call.evaluate(call.replaced(place, with_array(given, made)))
        value = call.attributes.get("pads")
        if isinstance(value, list) and value:
            return call.evaluate(pads=change(list(value)))  # pyright: ignore[reportUnknownArgumentType]  # decoded
        return call.evaluate()

    return mutate


def _at_end(pads: list[int], by: int) -> list[int]:
    half = len(pads) // 2
    return [p if k < half or not p else max(0, p + by) for k, p in enumerate(pads)]


def _at_begin(pads: list[int], by: int) -> list[int]:
    half = len(pads) // 2
    return [p if k >= half or not p else max(0, p + by) for k, p in enumerate(pads)]


def _moved_pads(pads: list[int]) -> list[int]:
    """One more at the beginning, one less at the end: the shape is the same."""
    half = len(pads) // 2
    begin, end = pads[:half], pads[half:]
    can = [e > 0 for e in end]
    return [b + c for b, c in zip(begin, can, strict=True)] + [
        e - c for e, c in zip(end, can, strict=True)
    ]


def _interleaved(pads: list[int]) -> list[int]:
    """Begin and end of each axis side by side."""
    half = len(pads) // 2
    turned = [0] * len(pads)
    for axis in range(half):
        turned[axis], turned[half + axis] = pads[2 * axis], pads[2 * axis + 1]
    return turned


def _swapped_halves(pads: list[int]) -> list[int]:
    half = len(pads) // 2
    return pads[half:] + pads[:half]


def _axes_swapped(pads: list[int]) -> list[int]:
    half = len(pads) // 2
    return pads[:half][::-1] + pads[half:][::-1]


def _windows() -> Iterator[Fault]:
    def where(operator: Operator) -> bool:
        return "pads" in {*operator.attributes, *operator.inputs}

    rows: tuple[tuple[str, str, Callable[[list[int]], list[int]]], ...] = (
        ("end-one-less", "one less at the end", lambda p: _at_end(p, -1)),
        ("end-one-more", "one more at the end", lambda p: _at_end(p, 1)),
        ("begin-one-less", "one less at the beginning", lambda p: _at_begin(p, -1)),
        ("moved", "one from the end to the beginning", _moved_pads),
        ("exchanged", "beginning and end exchanged", _swapped_halves),
        ("interleaved", "beginning and end side by side", _interleaved),
        ("axes-exchanged", "axes in reverse", _axes_swapped),
        ("symmetric", "the beginning's at both ends", lambda p: p[: len(p) // 2] * 2),
        ("none", "none", lambda p: [0] * len(p)),
    )
    for label, summary, change in rows:
        yield Fault(f"pads/{label}", WINDOWS, f"pads: {summary}", where, _pads(change))
    for name in ("strides", "dilations", "kernel_shape", "output_padding"):
        yield Fault(
            f"window/{name}-of-first-axis",
            WINDOWS,
            f"{name} of the first axis for all",
            having(name),
            _list_attribute(name, lambda v: [v[0]] * len(v)),
        )
        yield Fault(
            f"window/{name}-of-last-axis",
            WINDOWS,
            f"{name} of the last axis for all",
            having(name),
            _list_attribute(name, lambda v: [v[-1]] * len(v)),
        )
    yield Fault(
        "window/same-other-side",
        WINDOWS,
        "SAME_UPPER and SAME_LOWER are exchanged",
        having("auto_pad"),
        changing_attribute("auto_pad", lambda v, _: _OTHER_SIDE.get(v, v)),
    )
    yield Fault(
        "window/pad-is-zero",
        WINDOWS,
        "the border counts as zeros in a maximum",
        among("MaxPool"),
        _padded_with_zeros,
    )
    yield Fault(
        "window/divides-by-all",
        WINDOWS,
        "windows that leave the border are divided by all their places",
        among("AveragePool"),
        _divided_by_all,
    )
    yield Fault(
        "window/last-ceil-missing",
        WINDOWS,
        "with ceil_mode the last window is shortened to none",
        both(among(*_POOLS), having("ceil_mode")),
        _floor_then_padded,
    )
    yield Fault(
        "window/indices-of-plane",
        WINDOWS,
        "indices count from the start of each plane",
        among("MaxPool"),
        _plane_indices,
    )
    for label, mode in (("edge", "edge"), ("reflect", "reflect"), ("constant", "constant")):
        yield Fault(
            f"pad/always-{label}",
            WINDOWS,
            f"Pad is always {mode}",
            among("Pad"),
            changing_attribute("mode", always(mode)),
        )
    yield Fault(
        "pad/symmetric-for-reflect",
        WINDOWS,
        "reflection repeats the edge",
        among("Pad"),
        _symmetric,
    )


_OTHER_SIDE = {"SAME_UPPER": "SAME_LOWER", "SAME_LOWER": "SAME_UPPER"}


def _padded_with_zeros(call: Call) -> Values:
    results = call.evaluate()
    pads: list[int] = call.attributes.get("pads") or []
    given = call.tensor(0)
    if given is None or not any(pads):
        return results
    half = len(pads) // 2
    around = [(0, 0), (0, 0), *zip(pads[:half], pads[half:], strict=True)]
    padded = Tensor(np.pad(given.array, around), given.dtype)
    made = call.evaluate([padded], pads=[0] * len(pads))
    return [made[0], *results[1:]]


def _divided_by_all(call: Call) -> Values:
    if not call.attributes.get("ceil_mode"):
        return call.evaluate()
    return call.evaluate(count_include_pad=1 - int(call.attributes.get("count_include_pad", 0)))


def _floor_then_padded(call: Call) -> Values:
    results = call.evaluate()
    if not call.attributes.get("ceil_mode"):
        return results
    return [
        _in_shape(small, right)
        for small, right in zip(call.evaluate(ceil_mode=0), results, strict=True)
    ]


def _in_shape(small: Value, right: Value) -> Value:
    if not isinstance(small, Tensor) or not isinstance(right, Tensor):
        return right
    grown = [(0, max(0, b - a)) for a, b in zip(small.shape, right.shape, strict=True)]
    return with_array(right, np.pad(small.array, grown))


def _plane_indices(call: Call) -> Values:
    results, given = call.evaluate(), call.tensor(0)
    if len(results) < 2 or given is None or not isinstance(results[1], Tensor):
        return results
    plane = int(np.prod(given.shape[2:]))
    return [results[0], with_array(results[1], results[1].array % plane)]


def _symmetric(call: Call) -> Values:
    given, pads = call.array(0), call.array(1)
    first = call.tensor(0)
    if call.attributes.get("mode") != "reflect" or given is None or first is None:
        return call.evaluate()
    listed = pads.ravel().tolist() if pads is not None else call.attributes["pads"]
    half = len(listed) // 2
    around = list(zip(listed[:half], listed[half:], strict=True))
    return [Tensor(np.pad(given, around, mode="symmetric"), first.dtype)]


def _resampling() -> Iterator[Fault]:
    modes = (
        *("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"),
        *("half_pixel_symmetric", "output_half_pixel"),
    )
    where = having("coordinate_transformation_mode")
    name = "coordinate_transformation_mode"
    for mode in modes:
        yield Fault(
            f"resize/always-{mode.replace('_', '-')}",
            RESAMPLING,
            f"coordinates are always {mode}",
            where,
            changing_attribute(name, always(mode)),
        )
    for mode in ("nearest", "linear", "cubic", "bilinear", "bicubic", "avg", "max"):
        yield Fault(
            f"resize/mode-{mode}",
            RESAMPLING,
            f"the mode is always {mode}",
            among("Resize", "Upsample", "GridSample", "RoiAlign"),
            changing_attribute("mode", always(mode)),
        )
    for mode in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
        yield Fault(
            f"resize/nearest-{mode.replace('_', '-')}",
            RESAMPLING,
            f"nearest is always {mode}",
            having("nearest_mode"),
            changing_attribute("nearest_mode", always(mode)),
        )
    for mode in ("zeros", "border", "reflection"):
        yield Fault(
            f"resize/padding-{mode}",
            RESAMPLING,
            f"outside is always {mode}",
            having("padding_mode"),
            changing_attribute("padding_mode", always(mode)),
        )
    yield Fault(
        "resize/cubic-0.5",
        RESAMPLING,
        "the cubic's coefficient is always -0.5",
        having("cubic_coeff_a"),
        changing_attribute("cubic_coeff_a", always(-0.5)),
    )
    yield Fault(
        "resize/scale-from-sizes",
        RESAMPLING,
        "the scale is recomputed from whole sizes",
        among("Resize", "Upsample"),
        _scale_from_sizes,
    )
    yield Fault(
        "grid/xy-exchanged",
        RESAMPLING,
        "the coordinates of the grid come as y, x",
        among("GridSample", "AffineGrid"),
        _grid_exchanged,
    )


def _scale_from_sizes(call: Call) -> Values:
    place, given = call.position("scales"), call.tensor(0)
    results = call.evaluate()
    first = results[0]
    scales = None if place is None else call.tensor(place)
    if place is None or given is None or scales is None or not isinstance(first, Tensor):
        return results
    if len(scales.array) != len(given.shape):
        return results
    whole = np.asarray(first.shape) / np.asarray(given.shape)
    return call.evaluate(call.replaced(place, with_array(scales, whole)))


def _grid_exchanged(call: Call) -> Values:
    if call.operator.op == "AffineGrid":
        return [mapped(v, lambda t: with_array(t, t.array[..., ::-1])) for v in call.evaluate()]
    grid = call.tensor(1)
    if grid is None:
        return call.evaluate()
    return call.evaluate(call.replaced(1, with_array(grid, grid.array[..., ::-1])))


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _windows()
    yield from _resampling()

"""Scales, zero points and their axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    among,
    mapped,
    taking,
    with_array,
)

QUANTISATION = "quantisation"
_SCALES = ("x_scale", "y_scale", "a_scale", "b_scale", "w_scale")
_POINTS = (
    *("x_zero_point", "y_zero_point", "a_zero_point", "b_zero_point", "w_zero_point"),
    *("X_zero_point", "W_zero_point"),
)


def _each(change: Callable[[Tensor], Array], *names: str) -> Mutate:
    """Every input of these names changed."""

    def mutate(call: Call) -> Values:
        inputs = list(call.inputs)
        for place, formal in enumerate(call.operator.inputs[: len(inputs)]):
            given = call.tensor(place)
            if formal in names and given is not None:
                inputs[place] = with_array(given, change(given))
        return call.evaluate(inputs)

    return mutate


def _first_for_all(tensor: Tensor) -> Array:
    if tensor.array.size < 2:
        return tensor.array
    return np.full(tensor.shape, tensor.array.reshape(-1)[0])


def _power_of_two(tensor: Tensor) -> Array:
    wide = tensor.array.astype(np.float64)
    with np.errstate(all="ignore"):
        return np.where(wide > 0, 2.0 ** np.rint(np.log2(wide)), wide)


def _half_scale(tensor: Tensor) -> Array:
    return tensor.array.astype(np.float16).astype(np.float64)


def _one_more(tensor: Tensor) -> Array:
    return (
        tensor.array.astype(np.int64) + 1 if tensor.array.dtype.kind in "iu" else tensor.array
    )


def _quantised_by(
    round_: Callable[[Array], Array], *, narrow: bool = False, wraps: bool = False
) -> Mutate:
    """QuantizeLinear for one scale a tensor or an axis, with another rounding."""

    def mutate(call: Call) -> Values:
        results = call.evaluate()
        x, first = call.tensor(0), results[0]
        scale, point = call.tensor(1), call.tensor(2)
        if x is None or scale is None or not isinstance(first, Tensor):
            return results
        if first.array.dtype.kind not in "iu" or call.attributes.get("block_size"):
            return results
        axis = call.attributes.get("axis", 1)
        wide, step = x.array.astype(np.float64), _along(scale, x, axis)
        zero = 0.0 if point is None else _along(point, x, axis)
        with np.errstate(all="ignore"):
            steps = round_(
                (wide.astype(np.float32) / step.astype(np.float32)).astype(np.float64)
            )
        info = np.iinfo(first.array.dtype)
        made = np.nan_to_num(steps + zero)
        if wraps:
            return [with_array(first, made.astype(np.int64))]
        low = info.min + 1 if narrow and info.min < 0 else info.min
        return [with_array(first, np.clip(made, low, info.max))]

    return mutate


def _along(given: Tensor, x: Tensor, axis: int) -> Array:
    wide = given.array.astype(np.float64)
    if wide.size == 1:
        return wide.reshape(())
    shape = [1] * len(x.shape)
    shape[axis] = -1
    return wide.reshape(shape)


def _quantisation() -> Iterator[Fault]:
    scales, points = taking(*_SCALES), taking(*_POINTS)
    rows: tuple[tuple[str, str, Callable[[Operator], bool], Mutate], ...] = (
        ("zero-points-dropped", "zero points are taken for 0", points, _each(_zeros, *_POINTS)),
        (
            "zero-points-one-more",
            "zero points are one more",
            points,
            _each(_one_more, *_POINTS),
        ),
        (
            "point-per-tensor",
            "the first zero point for all",
            points,
            _each(_first_for_all, *_POINTS),
        ),
        (
            "scale-per-tensor",
            "the first scale for all",
            scales,
            _each(_first_for_all, *_SCALES),
        ),
        (
            "scale-power-of-two",
            "scales are powers of two",
            scales,
            _each(_power_of_two, *_SCALES),
        ),
        ("scale-float16", "scales are kept in float16", scales, _each(_half_scale, *_SCALES)),
        (
            "scale-reversed",
            "scales are read from the end",
            scales,
            _each(lambda t: np.flip(t.array), *_SCALES),
        ),
        (
            "scale-squared",
            "scales are applied twice",
            scales,
            _each(lambda t: t.array.astype(np.float64) ** 2, *_SCALES),
        ),
    )
    for label, summary, where, mutate in rows:
        yield Fault(f"quantised/{label}", QUANTISATION, summary, where, mutate)
    for name in (
        "x_zero_point",
        "y_zero_point",
        "a_zero_point",
        "b_zero_point",
        "w_zero_point",
    ):
        yield Fault(
            f"quantised/{name}-dropped",
            QUANTISATION,
            f"{name} is taken for 0",
            taking(name),
            _each(_zeros, name),
        )
    for label, summary, mutate in (
        ("half-away", "ties go away from zero", _quantised_by(_away)),
        ("half-up", "ties go up", _quantised_by(lambda s: np.floor(s + 0.5))),
        ("cut", "steps are cut off", _quantised_by(np.trunc)),
        ("down", "steps are rounded down", _quantised_by(np.floor)),
        ("symmetric", "-128 is not used", _quantised_by(np.rint, narrow=True)),
        ("wraps", "out of range wraps", _quantised_by(np.rint, wraps=True)),
    ):
        yield Fault(f"quantize/{label}", QUANTISATION, summary, among("QuantizeLinear"), mutate)
    for label, change in (("one-more", 1), ("one-less", -1)):
        yield Fault(
            f"quantised/result-{label}",
            QUANTISATION,
            f"whole results are {label}",
            among("QLinearMatMul", "QLinearConv", "DynamicQuantizeLinear", "QuantizeLinear"),
            _off_by(change),
        )
    yield Fault(
        "quantised/accumulator-16-bits",
        QUANTISATION,
        "sums saturate at 16 bits",
        among("MatMulInteger", "ConvInteger"),
        _sums_in_16_bits,
    )
    yield Fault(
        "quantised/dynamic-range-without-0",
        QUANTISATION,
        "the range does not include zero",
        among("DynamicQuantizeLinear"),
        _without_zero,
    )


def _zeros(tensor: Tensor) -> Array:
    return np.zeros(tensor.shape)


def _away(steps: Array) -> Array:
    return np.sign(steps) * np.floor(np.abs(steps) + 0.5)


def _off_by(step: int) -> Mutate:
    def one(tensor: Tensor) -> Tensor:
        if tensor.array.dtype.kind not in "iu" or tensor.dtype.bits > 8:
            return tensor
        info = np.iinfo(tensor.array.dtype)
        return with_array(
            tensor, np.clip(tensor.array.astype(np.int64) + step, info.min, info.max)
        )

    return lambda call: [mapped(value, one) for value in call.evaluate()]


def _sums_in_16_bits(call: Call) -> Values:
    def one(tensor: Tensor) -> Tensor:
        return with_array(tensor, np.clip(tensor.array, -(2**15), 2**15 - 1))

    return [mapped(value, one) for value in call.evaluate()]


def _without_zero(call: Call) -> Values:
    x = call.tensor(0)
    results = call.evaluate()
    if x is None or not x.array.size or len(results) < 3:
        return results
    low, high = float(x.array.min()), float(x.array.max())
    scale = np.float32((high - low) / 255) or np.float32(1)
    zero = np.clip(np.rint(-low / scale), 0, 255)
    y = np.clip(np.rint(x.array / scale) + zero, 0, 255)
    y_scale, point, first = results[1], results[2], results[0]
    if isinstance(first, Tensor) and isinstance(y_scale, Tensor) and isinstance(point, Tensor):
        return [
            with_array(first, y),
            with_array(y_scale, np.asarray(scale).reshape(y_scale.shape)),
            with_array(point, np.asarray(zero).reshape(point.shape)),
        ]
    return results


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _quantisation()

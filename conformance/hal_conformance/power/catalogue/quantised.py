"""Quantisation and indexing: scales, zero points, rounding; positions from the wrong end."""

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
    always,
    among,
    changing_attribute,
    changing_input,
    having,
    mapped,
    taking,
    with_array,
)

QUANTISATION, INDEXING = "quantisation", "indexing"
_SCALES = ("x_scale", "y_scale", "a_scale", "b_scale", "w_scale")
_POINTS = (
    *("x_zero_point", "y_zero_point", "a_zero_point", "b_zero_point", "w_zero_point"),
    *("X_zero_point", "W_zero_point"),
)
_INDICES = ("indices", "Y", "position", "write_indices", "target", "labels", "batch_indices")
_INDEXING = among(
    *("Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Scatter"),
    *("OneHot", "SequenceAt", "SequenceErase", "SequenceInsert", "TensorScatter"),
    *("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", "RoiAlign"),
    *("ai.onnx.ml/ArrayFeatureExtractor",),
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


def _negative(to: Callable[[Array], Array]) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        a = tensor.array
        return with_array(tensor, np.where(a < 0, to(a), a)) if a.dtype.kind == "i" else tensor

    return change


def _narrow_index(tensor: Tensor) -> Tensor:
    """Positions read as 8-bit numbers."""
    return (
        with_array(tensor, tensor.array.astype(np.int8))
        if tensor.array.dtype.kind == "i"
        else tensor
    )


def _first_index(tensor: Tensor) -> Tensor:
    if not tensor.array.size:
        return tensor
    return with_array(tensor, np.full(tensor.shape, tensor.array.reshape(-1)[0]))


def _slice_faults() -> Iterator[Fault]:
    where = among("Slice")
    rows: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("start-one-more", "starts", lambda a: a + 1),
        ("end-one-less", "ends", lambda a: a - 1),
        ("end-inclusive", "ends", lambda a: np.where(np.abs(a) < 2**31, a + 1, a)),
        ("steps-ignored", "steps", np.ones_like),
        ("steps-positive", "steps", np.abs),
        ("negative-start-is-0", "starts", lambda a: np.maximum(a, 0)),
        ("negative-end-is-all", "ends", lambda a: np.where(a < 0, 2**31, a)),
        ("end-in-32-bits", "ends", lambda a: a.astype(np.int16).astype(np.int64)),
    )
    for label, name, change in rows:
        yield Fault(
            f"slice/{label}",
            INDEXING,
            f"{name}: {label}",
            where,
            _slice_input(name, change),
        )


def _slice_input(name: str, change: Callable[[Array], Array]) -> Mutate:
    by_input = changing_input(lambda t: with_array(t, change(t.array)), name)

    def mutate(call: Call) -> Values:
        if isinstance(call.attributes.get(name), list):
            given = np.asarray(call.attributes[name], np.int64)
            return call.altered({name: [int(v) for v in change(given)]})
        return by_input(call)

    return mutate


def _indexing() -> Iterator[Fault]:
    readings: tuple[tuple[str, str, Callable[[Tensor], Tensor]], ...] = (
        ("negative-is-0", "negative positions are 0", _negative(np.zeros_like)),
        ("negative-one-off", "negative positions are one less", _negative(lambda a: a - 1)),
        (
            "negative-is-positive",
            "negative positions lose their sign",
            _negative(lambda a: -a - 1),
        ),
        ("in-8-bits", "positions are read as 8 bits", _narrow_index),
        ("first-for-all", "the first position for all", _first_index),
        ("one-more", "positions are one more", lambda t: with_array(t, t.array + 1)),
    )
    for label, summary, change in readings:
        yield Fault(
            f"index/{label}", INDEXING, summary, _INDEXING, changing_input(change, *_INDICES)
        )
    scatters = among("ScatterElements", "ScatterND", "Scatter", "TensorScatter")
    yield Fault(
        "scatter/first-wins", INDEXING, "the first update wins", scatters, _updates_turned
    )
    yield Fault(
        "scatter/data-lost", INDEXING, "what is not written is zero", scatters, _data_lost
    )
    for word in ("none", "add", "mul", "max", "min"):
        yield Fault(
            f"scatter/always-{word}",
            INDEXING,
            f"the reduction is always {word}",
            among("ScatterElements", "ScatterND"),
            changing_attribute(
                "reduction",
                always(word),
            ),
        )
    yield Fault(
        "gather/batch-dims-0",
        INDEXING,
        "batch_dims is 0",
        having("batch_dims"),
        changing_attribute("batch_dims", always(0)),
    )
    yield from _slice_faults()
    for label, by in (("one-more", 1), ("one-less", -1)):
        yield Fault(
            f"index/k-{label}",
            INDEXING,
            f"k is {label}",
            among("Trilu", "EyeLike", "TopK", "OneHot", "Range", "Tile", "Expand"),
            _k_changed(by),
        )
    yield Fault(
        "index/result-int32-garbage",
        INDEXING,
        "indices come as 32 bits in the bytes of 64",
        having("axis", "sorted"),
        _half_bytes,
    )


def _updates_turned(call: Call) -> Values:
    indices, updates = call.position("indices"), call.position("updates", "update")
    if indices is None or updates is None:
        return call.evaluate()
    turned = list(call.inputs)
    for place in (indices, updates):
        given = call.tensor(place)
        if given is None or not given.shape:
            return call.evaluate()
        turned[place] = with_array(given, np.flip(given.array, _flippable(call, given)))
    return call.evaluate(turned)


def _flippable(call: Call, given: Tensor) -> int:
    axis = call.attributes.get("axis", 0) if call.operator.op != "ScatterND" else 0
    return int(axis) % len(given.shape)


def _data_lost(call: Call) -> Values:
    given = call.tensor(0)
    if given is None or given.dtype.name == "string":
        return call.evaluate()
    return call.evaluate(call.replaced(0, with_array(given, np.zeros(given.shape))))


def _k_changed(by: int) -> Mutate:
    def mutate(call: Call) -> Values:
        place = call.position("k", "K", "depth", "limit", "repeats", "shape")
        given = None if place is None else call.tensor(place)
        if place is not None and given is not None:
            return call.evaluate(call.replaced(place, with_array(given, given.array + by)))
        if isinstance(call.attributes.get("k"), int):
            return call.evaluate(k=call.attributes["k"] + by)
        return call.evaluate()

    return mutate


def _half_bytes(call: Call) -> Values:
    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != "int64" or not tensor.array.size:
            return tensor
        written = tensor.array.astype(np.int32).tobytes().ljust(tensor.array.nbytes, b"\0")
        return Tensor(np.frombuffer(written, np.int64).reshape(tensor.shape), tensor.dtype)

    return [mapped(value, one) for value in call.evaluate()]


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _quantisation()
    yield from _indexing()

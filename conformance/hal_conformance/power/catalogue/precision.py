"""Lower arithmetic than declared, other rounding, denormals flushed, errors of all sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hal import dtypes
from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, Format
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    admitting,
    among,
    mapped,
    with_array,
)

FAMILY, ROUNDING, SIZES = "low precision", "wrong rounding", "relative error"

SUMMING = (
    *("MatMul", "Gemm", "Conv", "ConvTranspose", "DeformConv", "Einsum", "Attention", "Det"),
    *("ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum"),
    *("ReduceLogSumExp", "Softmax", "LogSoftmax", "AveragePool", "GlobalAveragePool"),
    *("LpPool", "GlobalLpPool", "LayerNormalization", "InstanceNormalization"),
    *("GroupNormalization", "RMSNormalization", "BatchNormalization", "LSTM", "GRU", "RNN"),
    *("CumSum", "LRN", "MeanVarianceNormalization", "LpNormalization", "DFT", "STFT"),
    *("Sum", "Mean", "CausalConvWithState", "LinearAttention", "NegativeLogLikelihoodLoss"),
    *("SoftmaxCrossEntropyLoss", "QLinearMatMul", "QLinearConv", "Resize", "GridSample"),
    *("ai.onnx.ml/LinearRegressor", "ai.onnx.ml/LinearClassifier", "ai.onnx.ml/SVMRegressor"),
    *("ai.onnx.ml/SVMClassifier", "ai.onnx.ml/Normalizer", "ai.onnx.ml/TreeEnsemble"),
)
EXACT = frozenset({"float64", "float32", "float16", "bfloat16"})
FULL = FORMATS["float32"]


def kept_in(array: Array, name: str) -> Array:
    """Numbers rounded to a format, as float64."""
    wide = np.asarray(array).astype(np.float64)
    if name == "tf32":
        return to_precision(wide, FORMATS["tf32"])
    with np.errstate(all="ignore"):
        return wide.astype(dtypes.of_name(name).numpy).astype(np.float64)


def to_precision(wide: Array, kind: Format) -> Array:
    """Rounded to nearest even on the grid of a format, out of range or not."""
    with np.errstate(all="ignore"):
        step = kind.ulp(wide)
        made = np.rint(wide / step) * step
    return np.where(np.isfinite(wide), made, wide)


def floats(change: Callable[[Array, Tensor], Array]) -> Callable[[Tensor], Tensor]:
    """A change of floating-point tensors, computed in float64; others stay."""

    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name not in EXACT:
            return tensor
        with np.errstate(all="ignore"):
            return with_array(tensor, change(tensor.array.astype(np.float64), tensor))

    return one


def _inputs_in(name: str) -> Mutate:
    round_ = floats(lambda wide, _: kept_in(wide, name))
    return lambda call: call.evaluate([mapped(value, round_) for value in call.inputs])


def _outputs_in(name: str) -> Mutate:
    round_ = floats(lambda wide, _: kept_in(wide, name))
    return lambda call: [mapped(value, round_) for value in call.evaluate()]


def _accumulated_in(name: str) -> Mutate:
    arithmetic = Arithmetic(f"acc-{name}", FULL, FORMATS[name], FULL)
    return lambda call: call.evaluate(arithmetic=arithmetic)


def _doubles_in_float32(call: Call) -> Values:
    def narrow(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != "float64":
            return tensor
        with np.errstate(all="ignore"):
            return with_array(tensor, tensor.array.astype(np.float32).astype(np.float64))

    return [mapped(v, narrow) for v in call.evaluate([mapped(v, narrow) for v in call.inputs])]


def _own_ulp(wide: Array, tensor: Tensor) -> Array:
    return FORMATS[tensor.dtype.name].ulp(wide)


def _directed(direction: Callable[[Array], Array]) -> Mutate:
    """Rounding of the exact result in a direction, not to nearest."""

    def mutate(call: Call) -> Values:
        results, exact = call.evaluate(), call.wide()
        for number, (value, wide) in enumerate(zip(results, exact, strict=True)):
            if wide is None or not isinstance(value, Tensor):
                continue
            if value.dtype.name not in EXACT or value.dtype.name == "float64":
                continue
            results[number] = with_array(value, _towards(wide, value, direction))
        return results

    return mutate


def _towards(wide: Array, value: Tensor, direction: Callable[[Array], Array]) -> Array:
    """The neighbour in a direction of what was rounded the other way."""
    nearest = value.array.astype(np.float64)
    with np.errstate(all="ignore"):
        wanted = direction(wide)
        other = np.sign(wide - nearest) == wanted
        step = FORMATS[value.dtype.name].ulp(wide)
        # What float64 itself may have got wrong is no error to be rounded.
        inexact = np.abs(wide - nearest) > step * 2.0**-20
        return np.where(
            np.isfinite(nearest) & other & inexact, nearest + wanted * step, nearest
        )


def _hashed(wide: Array) -> Array:
    """A whole number from each element's bits."""
    bits = np.ascontiguousarray(wide, np.float64).view(np.uint64)
    mixed = (bits ^ (bits >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)).astype(np.int64)


def _relative(bits: int) -> Callable[[Array, Tensor], Array]:
    def change(wide: Array, _: Tensor) -> Array:
        sign = np.where(_hashed(wide) % 2 == 0, 1.0, -1.0)
        return wide * (1 + sign * 2.0**-bits)

    return change


def _biased(bits: int) -> Callable[[Array, Tensor], Array]:
    return lambda wide, _: wide * (1 + 2.0**-bits)


def _some(ulps: float, one_in: int) -> Callable[[Array, Tensor], Array]:
    def change(wide: Array, tensor: Tensor) -> Array:
        chosen = _hashed(wide) % one_in == 0
        return np.where(chosen, wide + ulps * _own_ulp(wide, tensor), wide)

    return change


def _absolute(bits: int) -> Callable[[Array, Tensor], Array]:
    return lambda wide, _: wide + np.where(wide != 0, 2.0**-bits, 0.0)


def _flushed(wide: Array, tensor: Tensor) -> Array:
    return np.where(np.abs(wide) < FORMATS[tensor.dtype.name].tiny, 0.0 * wide, wide)


def _flushed_inputs(call: Call) -> Values:
    return call.evaluate([mapped(v, floats(_flushed)) for v in call.inputs])


def _outputs(change: Callable[[Array, Tensor], Array]) -> Mutate:
    return lambda call: [mapped(value, floats(change)) for value in call.evaluate()]


def _real(operator: Operator) -> bool:
    return admitting("float", "double")(operator)


def _away(wide: Array) -> Array:
    return np.sign(wide)


def faults() -> Iterator[Fault]:
    """Faults of arithmetic."""
    summing = among(*SUMMING)
    for name in ("float16", "bfloat16", "tf32"):
        yield Fault(
            f"precision/accumulator-{name}",
            FAMILY,
            f"sums are kept in {name}",
            summing,
            _accumulated_in(name),
        )
    for name in ("float16", "bfloat16", "tf32", "float8e4m3fn"):
        yield Fault(
            f"precision/inputs-{name}",
            FAMILY,
            f"inputs are rounded to {name}",
            _real,
            _inputs_in(name),
        )
    for name in ("float16", "bfloat16", "tf32"):
        yield Fault(
            f"precision/outputs-{name}",
            FAMILY,
            f"results are rounded to {name}",
            _real,
            _outputs_in(name),
        )
    yield Fault(
        "precision/doubles-in-float32",
        FAMILY,
        "float64 is computed in float32",
        admitting("double"),
        _doubles_in_float32,
    )
    yield from _roundings()
    yield from _sizes()
    yield Fault(
        "denormal/outputs-flushed",
        "denormals flushed",
        "subnormal results become zero",
        _real,
        _outputs(_flushed),
    )
    yield Fault(
        "denormal/inputs-flushed",
        "denormals flushed",
        "subnormal inputs are read as zero",
        _real,
        _flushed_inputs,
    )


def _roundings() -> Iterator[Fault]:
    directions: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("up", "results are rounded up", np.ones_like),
        ("down", "results are rounded down", lambda wide: -np.ones_like(wide)),
        ("to-zero", "results are cut off", lambda wide: -np.sign(wide)),
        ("away", "results are rounded away from zero", _away),
    )
    for label, summary, direction in directions:
        yield Fault(f"rounding/{label}", ROUNDING, summary, _real, _directed(direction))


def _sizes() -> Iterator[Fault]:
    for bits in (6, 8, 10, 12, 14, 16, 18, 20):
        yield Fault(
            f"error/2^-{bits}",
            SIZES,
            f"every result is 2^-{bits} off, by chance up or down",
            _real,
            _outputs(_relative(bits)),
        )
    for bits in (10, 14, 18):
        yield Fault(
            f"error/bias-2^-{bits}",
            SIZES,
            f"every result is 2^-{bits} too large",
            _real,
            _outputs(_biased(bits)),
        )
    for bits in (8, 12, 16, 20):
        yield Fault(
            f"error/absolute-2^-{bits}",
            SIZES,
            f"2^-{bits} is added to what is not zero",
            _real,
            _outputs(_absolute(bits)),
        )
    for ulps, one_in in ((4, 1), (64, 1), (64, 97), (1024, 499)):
        yield Fault(
            f"error/{ulps}-ulp-on-1-in-{one_in}",
            SIZES,
            f"one result in {one_in} is {ulps} ULP off",
            _real,
            _outputs(_some(ulps, one_in)),
        )

"""Operators as correct devices compute them; what `simulated` runs instead of the reference.

A kernel is given a Machine and a Call (one node with the values it reads) and returns the
outputs before they are stored. Each makes the choices that implementations differ in: the order
of sums, division or multiplication by the reciprocal, variance in one pass, two or Welford's,
softmax in one pass or online, a batch normalisation folded into a scale and an offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import erf
from typing import Any, TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.transforms import convolved, is_transformable
from hal_conformance.numerics.windows import Windows, windows_of


@dataclass(frozen=True)
class Call:
    """One node being run: its inputs' values and types, and the standard's own evaluator."""

    op: str
    version: int
    attributes: Mapping[str, Any]
    values: Sequence[Any]
    dtypes: Sequence[str | None]
    reference: Callable[[Sequence[Any]], list[Any]]

    @property
    def dtype(self) -> str:
        """The type of its first input."""
        return self.dtypes[0] or "float32"

    def optional(self, index: int) -> Any:
        """An input that may be absent: None then."""
        return self.values[index] if index < len(self.values) else None


Kernel: TypeAlias = Callable[[Machine, Call], "list[Array]"]

FUNCTIONS: Mapping[str, float] = {
    "Acos": 4.0,
    "Acosh": 4.0,
    "Asin": 4.0,
    "Asinh": 4.0,
    "Atan": 5.0,
    "Atanh": 5.0,
    "Cos": 4.0,
    "Cosh": 4.0,
    "Div": 2.5,
    "Erf": 16.0,
    "Exp": 3.0,
    "Log": 3.0,
    "Pow": 16.0,
    "Reciprocal": 2.5,
    "Sin": 4.0,
    "Sinh": 4.0,
    "Sqrt": 3.0,
    "Tan": 5.0,
    "Tanh": 5.0,
}
"""The ULP a correct function may be off by: OpenCL C 3.0, full profile."""

HALVES: Mapping[str, float] = {
    **dict.fromkeys(FUNCTIONS, 2.0),
    "Div": 1.0,
    "Erf": 4.0,
    "Pow": 4.0,
    "Reciprocal": 1.0,
    "Sqrt": 1.0,
}
"""The same where results are kept in fewer bits than float32's: cl_khr_fp16."""


def function(machine: Machine, call: Call) -> list[Array]:
    """A function of OpenCL's table, off by up to what it allows."""
    if call.op == "Erf":
        exact = np.vectorize(erf, otypes=[np.float64])(call.values[0])
    else:
        exact = call.reference(call.values)[0]
    narrow = machine.arithmetic.stored(call.dtype).precision < 23
    ulps = (HALVES if narrow else FUNCTIONS)[call.op]
    off = machine.inexact(np.asarray(exact), call.dtype, ulps)
    if call.op in ("Div", "Reciprocal"):
        # However it divides, a device is exact in the reciprocal of a power of two.
        power = np.abs(np.frexp(call.values[-1])[0]) == 0.5
        off = np.where(power, exact, off)
    return [off]


def matmul(machine: Machine, call: Call) -> list[Array]:
    a, b = (machine.operand(value, call.dtype) for value in call.values[:2])
    left = a[None, :] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    product = machine.contract(left, right, call.dtype)
    product = product[..., 0] if b.ndim == 1 else product
    return [product if a.ndim > 1 else product[..., 0, :] if b.ndim > 1 else product[..., 0]]


def gemm(machine: Machine, call: Call) -> list[Array]:
    a, b = (machine.operand(value, call.dtype) for value in call.values[:2])
    a = a.T if call.attributes["transA"] else a
    b = b.T if call.attributes["transB"] else b
    alpha, beta = call.attributes["alpha"], call.attributes["beta"]
    product = machine.work(machine.contract(a, b, call.dtype) * alpha, call.dtype)
    bias = call.optional(2)
    if bias is None:
        return [product]
    if machine.one_of((True, False)):
        return [product + bias * beta]
    return [product + machine.work(bias * beta, call.dtype)]


def linear(machine: Machine, call: Call) -> list[Array]:
    """Any operator linear in its second input: parts of it at random, added up (split-K)."""
    x, w = (machine.operand(value, call.dtype) for value in call.values[:2])
    windows = _transformable(machine, call)
    if windows is not None:
        product = convolved(machine, x, w, windows, int(call.attributes.get("group", 1)))
        return [_with_bias(product, call)]
    rest = [None] * (len(call.values) - 2)
    kind = np.dtype(machine.inner(call.dtype))
    whole = machine.one_of((True, False, False))
    if whole or not np.isfinite(x).all():  # an infinity times a weight of another part is NaN
        product = np.asarray(call.reference([x, w, *rest])[0])
        product = machine.gathered([product], call.dtype)
    else:
        parts = int(machine.random.integers(1, 5))
        owner = machine.random.integers(0, parts, np.shape(w))
        given = [np.where(owner == part, w, 0.0).astype(kind) for part in range(parts)]
        results = [call.reference([x.astype(kind), one, *rest])[0] for one in given]
        product = machine.gathered([np.asarray(r) for r in results], call.dtype)
    return [_with_bias(product, call)]


def _with_bias(product: Array, call: Call) -> Array:
    bias = call.optional(2)
    if bias is None:
        return product
    return np.asarray(product + bias.reshape(-1, *[1] * (product.ndim - 2)))


def _transformable(machine: Machine, call: Call) -> Windows | None:
    """The windows of a convolution that this device transforms, None where it is direct."""
    declared = machine.arithmetic.convolution == "transformed"
    if call.op != "Conv" or not declared or call.dtype == "float64":
        return None
    if machine.arithmetic.summing(call.dtype).name != "float32":
        return None
    x, w = (np.asarray(value) for value in call.values[:2])
    windows = windows_of(call.attributes, x.shape[2:], w.shape[2:])
    return windows if is_transformable(windows) else None


def reduction(machine: Machine, call: Call) -> list[Array]:
    """ReduceSum, ReduceMean, ReduceSumSquare, ReduceL1, ReduceL2."""
    x = np.asarray(call.values[0])
    axes = _axes(call, x.ndim)
    noop = axes is None
    axes = () if axes is None else axes
    dtype = call.dtype
    if call.op in ("ReduceSumSquare", "ReduceL2"):
        x = machine.work(x * x, dtype)
    if call.op == "ReduceL1":
        x = np.abs(x)
    sums = machine.total(x, axes, dtype) if axes else x
    if call.op == "ReduceMean":
        count = int(np.prod([x.shape[axis] for axis in axes], initial=1))
        sums = _divided(machine, sums, np.float64(count), dtype)
    if call.op == "ReduceL2":
        sums = machine.work(np.sqrt(sums), dtype)
    if not noop and not call.attributes.get("keepdims", 1):
        sums = np.squeeze(sums, axis=axes)
    return [sums]


def _axes(call: Call, rank: int) -> tuple[int, ...] | None:
    """The axes of a reduction, in either form; None where nothing is reduced."""
    given = call.optional(1)
    axes = call.attributes.get("axes") if given is None else [int(k) for k in given]
    if not axes:
        empty = bool(call.attributes.get("noop_with_empty_axes", 0))
        return None if empty else tuple(range(rank))
    return tuple(axis % rank for axis in axes)


def global_max_pool(machine: Machine, call: Call) -> list[Array]:  # noqa: ARG001  nothing is rounded
    """The evaluator's own is right for two spatial axes alone."""
    x = np.asarray(call.values[0])
    return [x.max(axis=tuple(range(2, x.ndim)), keepdims=True)]


def softmax(machine: Machine, call: Call) -> list[Array]:
    """Softmax and LogSoftmax, their rows at once or online."""
    x, dtype = np.asarray(call.values[0]), call.dtype
    shape = x.shape
    axis = call.attributes.get("axis", -1)
    if call.version < 13:
        axis = axis % max(1, x.ndim)
        x, axis = x.reshape(int(np.prod(shape[:axis], initial=1)), -1) if x.size else x, 1
    if not x.size:
        return [x.reshape(shape)]
    way = _at_once if np.isinf(x).any() else machine.one_of((_at_once, _online))
    largest, sums = way(machine, x, axis, dtype)
    shifted = machine.work(x - largest, dtype)
    if call.op == "LogSoftmax":
        logarithm = machine.work(np.log(sums), dtype)
        if machine.one_of((True, False)):
            return [(shifted - logarithm).reshape(shape)]
        return [(x - machine.work(largest + logarithm, dtype)).reshape(shape)]
    powers = _exponential(machine, shifted, dtype)
    return [_divided(machine, powers, sums, dtype).reshape(shape)]


def _at_once(machine: Machine, x: Array, axis: int, dtype: str) -> tuple[Array, Array]:
    largest = x.max(axis=axis, keepdims=True)
    powers = _exponential(machine, machine.work(x - largest, dtype), dtype)
    return largest, machine.total(powers, (axis,), dtype)


def _online(machine: Machine, x: Array, axis: int, dtype: str) -> tuple[Array, Array]:
    """The largest so far and the sum relative to it (Milakov and Gimelshein 2018)."""
    blocks = np.array_split(x, min(4, x.shape[axis]), axis=axis)
    largest, sums = _at_once(machine, blocks[0], axis, dtype)
    for block in blocks[1:]:
        high, more = _at_once(machine, block, axis, dtype)
        top = np.maximum(largest, high)
        old = sums * _exponential(machine, machine.work(largest - top, dtype), dtype)
        new = more * _exponential(machine, machine.work(high - top, dtype), dtype)
        sums = machine.gathered([machine.work(old, dtype), machine.work(new, dtype)], dtype)
        largest = top
    return largest, sums


def _exponential(machine: Machine, x: Array, dtype: str) -> Array:
    with np.errstate(all="ignore"):
        exact = np.exp(x)
    noise = 1 + machine.random.uniform(-2.0, 2.0, np.shape(x)) * 2.0**-24
    return machine.work(exact if dtype == "float64" else exact * noise, dtype)


def _divided(machine: Machine, a: Array, b: Any, dtype: str) -> Array:
    """a / b, or a times the reciprocal of b."""
    with np.errstate(all="ignore"):
        if machine.one_of((True, False)):
            return machine.work(a / b, dtype)
        return machine.work(a * machine.work(np.asarray(1.0 / b), dtype), dtype)


def layer_normalization(machine: Machine, call: Call) -> list[Array]:
    x, scale = np.asarray(call.values[0]), call.values[1]
    axis = call.attributes["axis"] % x.ndim
    axes = tuple(range(axis, x.ndim))
    mean, variance = _statistics(machine, x, axes, call.dtype)
    normal, inverse = _standard(machine, x, (mean, variance), call)
    y = machine.work(normal * scale, call.dtype)
    bias = call.optional(2)
    return [y if bias is None else y + bias, mean, inverse]


def instance_normalization(machine: Machine, call: Call) -> list[Array]:
    x, scale, bias = (np.asarray(value) for value in call.values[:3])
    found = _statistics(machine, x, tuple(range(2, x.ndim)), call.dtype)
    normal, _ = _standard(machine, x, found, call)
    shape = (-1, *[1] * (x.ndim - 2))
    return [machine.work(normal * scale.reshape(shape), call.dtype) + bias.reshape(shape)]


def _standard(
    machine: Machine, x: Array, found: tuple[Array, Array], call: Call
) -> tuple[Array, Array]:
    """(x - mean) / sqrt(variance + epsilon), and the reciprocal of the root."""
    mean, variance = found
    dtype = call.dtype
    shifted = machine.work(x - mean, dtype)
    root = machine.work(
        np.sqrt(machine.work(variance + call.attributes["epsilon"], dtype)), dtype
    )
    inverse = machine.work(1.0 / root, dtype)
    if machine.one_of((True, False)):
        return machine.work(shifted / root, dtype), inverse
    return machine.work(shifted * inverse, dtype), inverse


def _statistics(
    machine: Machine, x: Array, axes: tuple[int, ...], dtype: str
) -> tuple[Array, Array]:
    """Mean and variance: in two passes, in one, or Welford's."""
    way = machine.one_of(("two", "one", "welford"))
    count = np.float64(np.prod([x.shape[axis] for axis in axes], initial=1))
    if way == "welford":
        return _welford(machine, x, axes, dtype)
    mean = _divided(machine, machine.total(x, axes, dtype), count, dtype)
    if way == "two":
        shifted = machine.work(x - mean, dtype)
        squares = machine.total(machine.work(shifted * shifted, dtype), axes, dtype)
        return mean, _divided(machine, squares, count, dtype)
    squares = machine.total(machine.work(x * x, dtype), axes, dtype)
    second = _divided(machine, squares, count, dtype)
    low = machine.work(second - machine.work(mean * mean, dtype), dtype)
    return mean, np.maximum(low, 0.0)


def _welford(
    machine: Machine, x: Array, axes: tuple[int, ...], dtype: str
) -> tuple[Array, Array]:
    """Welford 1962: each value moves the mean, and adds to the sum of squares."""
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    rows = np.transpose(x, [*axes, *rest]).reshape(-1, *[x.shape[axis] for axis in rest])
    mean, squares = np.zeros(rows.shape[1:]), np.zeros(rows.shape[1:])
    for count, row in enumerate(rows, 1):
        off = machine.work(row - mean, dtype)
        mean = machine.work(mean + machine.work(off / count, dtype), dtype)
        later = machine.work(row - mean, dtype)
        squares = machine.work(squares + machine.work(off * later, dtype), dtype)
    variance = machine.work(squares / max(1, len(rows)), dtype)
    return mean.reshape(shape), variance.reshape(shape)


def batch_normalization(machine: Machine, call: Call) -> list[Array]:
    """Inference: step by step, or folded into a scale and an offset; training as it is."""
    x, scale, bias, mean, variance = (np.asarray(value) for value in call.values[:5])
    dtype = call.dtype
    if call.attributes.get("training_mode", 0) or call.attributes.get("spatial", 1) == 0:
        return [np.asarray(result) for result in call.reference(call.values)]
    shape = (1, -1, *[1] * (x.ndim - 2)) if x.ndim > 1 else (-1,)
    scale, bias, mean = (value.reshape(shape) for value in (scale, bias, mean))
    total = machine.work(variance.reshape(shape) + call.attributes["epsilon"], dtype)
    root = machine.work(np.sqrt(total), dtype)
    if machine.one_of((True, False)):
        factor = _divided(machine, scale, root, dtype)
        offset = machine.work(bias - machine.work(mean * factor, dtype), dtype)
        fused = machine.one_of((True, False))
        return [(x * factor if fused else machine.work(x * factor, dtype)) + offset]
    normal = _divided(machine, machine.work(x - mean, dtype), root, dtype)
    return [machine.work(normal * scale, dtype) + bias]


KERNELS: Mapping[str, Kernel] = {
    **dict.fromkeys(FUNCTIONS, function),
    "BatchNormalization": batch_normalization,
    "Conv": linear,
    "ConvTranspose": linear,
    "Gemm": gemm,
    "GlobalMaxPool": global_max_pool,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
    "LogSoftmax": softmax,
    "MatMul": matmul,
    "ReduceL1": reduction,
    "ReduceL2": reduction,
    "ReduceMean": reduction,
    "ReduceSum": reduction,
    "ReduceSumSquare": reduction,
    "Softmax": softmax,
}

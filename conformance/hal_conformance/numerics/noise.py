"""How a device's rounding looks from afar: noise on what each operator returns.

The model of the typical tier (docs/numerics.md): after each primitive the result times
1 + k u U[-1, 1], with k = 1 where it is correctly rounded, 2 for exp and log, 4 for others;
after each sum of n products N(0, s^2) with s^2 = (u_acc^2 / 3)(n / 3 y^2 + n / 2 sum (a b)^2);
before it, both operands times 1 + u_in U[-1, 1]. A result that the format holds exactly, which
no result of noisy operands does, has no noise: so arithmetic on shapes stays exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import Arithmetic, Array, Format
from hal_conformance.numerics.families.convolution import correlate
from hal_conformance.numerics.kernels import Call
from hal_conformance.numerics.machine import nearest
from hal_conformance.numerics.windows import windows_of

LIBRARY = 4.0
"""k of tanh, erf, pow and of every operator that is not named below."""

FACTORS: Mapping[str, float] = {
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "Sqrt", "Reciprocal", "Sum", "Mean", "Mod", "PRelu"), 1.0
    ),
    **dict.fromkeys(("LeakyRelu", "HardSigmoid", "ThresholdedRelu", "Cast", "CastLike"), 1.0),
    **dict.fromkeys(("DequantizeLinear", "Shrink", "Elu", "Selu"), 1.0),
    **dict.fromkeys(("Exp", "Log"), 2.0),
}
"""k: 1 for what is correctly rounded, 2 for exp and log."""


@dataclass(frozen=True)
class Sum:
    """A sum of products: the map, its operands' places, and how many terms an element has."""

    bilinear: Callable[[Array, Array], Array]
    terms: float


Summed: TypeAlias = Callable[[Call], Sum]


def rounded(values: Array, kept: Format) -> Array:
    """To the nearest number of a format, by the processor where that is float32."""
    if kept.name != "float32":
        return nearest(values, kept)
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32).astype(np.float64)


class Noise:
    """The rounding noise of one pass; without a generator there is none.

    `scales` remembers s of the reference's sums in order, which the noisy passes draw from.
    """

    def __init__(
        self, arithmetic: Arithmetic, random: np.random.Generator | None, scales: list[Array]
    ) -> None:
        self.arithmetic = arithmetic
        self.random = random
        self.scales = scales
        self._next = 0

    def primitive(self, values: Array, dtype: str, factor: float) -> Array:
        """The result of one operator: times 1 + k u U[-1, 1]."""
        if self.random is None or not factor:
            return values
        kept = self.arithmetic.stored(dtype)
        with np.errstate(all="ignore"):
            noisy = values * (1 + factor * kept.unit * self._uniform(values))
            few = np.ravel(values)[:64]
            if (rounded(few, kept) != few).all():
                return noisy  # as after any noise; the whole tensor need not be looked at
            return np.where(rounded(values, kept) == values, values, noisy)

    def operand(self, values: Array, dtype: str) -> Array:
        """What a contraction reads: times 1 + u_in U[-1, 1]."""
        if self.random is None:
            return values
        unit = self.arithmetic.operand(dtype).unit
        return values * (1 + unit * self._uniform(values))

    def added(
        self,
        values: Array,
        dtype: str,
        squares: Callable[[], Array],
        n: float,
        repeated: Callable[[], Array | float] = lambda: 0.0,
    ) -> Array:
        """A sum of n products: N(0, s^2) more; `squares` gives the sum of squared products.

        `repeated` gives what stands for n where terms are equal, if that is more.
        """
        if self.random is None:
            unit = self.arithmetic.summing(dtype).unit
            ordered = np.maximum(n, repeated())
            spread = ordered / 3 * values**2 + n / 2 * np.maximum(squares(), 0.0)
            variance = unit**2 / 3 * spread
            self.scales.append(np.sqrt(variance))
            return values
        scale = self.scales[self._next]
        self._next += 1
        return values + scale * self.random.standard_normal(np.shape(values))

    def offset(self, values: Array, dtype: str, size: Array) -> Array:
        """A result with the rounding errors of terms that size: size times u U[-1, 1] more."""
        if self.random is None:
            return values
        unit = self.arithmetic.stored(dtype).unit
        return values + unit * size * self._uniform(values)

    def _uniform(self, values: Array) -> Array:
        if self.random is None:
            return np.zeros(np.shape(values))
        drawn: Array = self.random.random(np.shape(values), np.float32)
        return 2.0 * drawn - 1.0


def product(noise: Noise, a: Array, b: Array, dtype: str) -> Array:
    """The matrix product of two values, with the noise of its operands and its sums."""
    left, right = noise.operand(a, dtype), noise.operand(b, dtype)
    terms = float(np.shape(left)[-1])
    return noise.added(left @ right, dtype, lambda: (left * left) @ (right * right), terms)


def contraction(noise: Noise, call: Call) -> Array:
    """MatMul, Gemm, Conv, ConvTranspose or Einsum of two operands, with its noise."""
    summed = SUMS[call.op](call)
    a, b = (noise.operand(value, call.dtype) for value in call.values[:2])
    y: Array = summed.bilinear(a, b)
    y = noise.added(y, call.dtype, lambda: summed.bilinear(a * a, b * b), summed.terms)
    bias = call.optional(2)
    if call.op == "Gemm":
        y = y * call.attributes["alpha"]
        bias = None if bias is None else bias * call.attributes["beta"]
    if bias is None:
        return noise.primitive(y, call.dtype, 1.0)
    shape = np.shape(bias) if call.op == "Gemm" else (-1, *[1] * (y.ndim - 2))
    return noise.primitive(y + np.reshape(bias, shape), call.dtype, 1.0)


def average(noise: Noise, call: Call, y: Array) -> Array:
    """A sum or mean over windows or axes: `y` with the noise of its additions."""
    x = np.asarray(call.values[0])
    n = x.size / max(1, y.size)
    if call.op == "AveragePool":
        n = float(prod(call.attributes["kernel_shape"]))
    mean = call.op not in ("ReduceSum", "CumSum")
    n = float(x.shape[int(np.ravel(call.values[1])[0])]) if call.op == "CumSum" else n

    def squares() -> Array:
        total = np.asarray(call.reference([x * x, *call.values[1:]])[0])
        return total / n if mean else total

    noisy = noise.added(y, call.dtype, squares, n, lambda: repeats(call, x, y))
    return noise.primitive(noisy, call.dtype, 1.0)


def repeats(call: Call, x: Array, y: Array) -> Array | float:
    """What stands for n where terms are equal: the sum of m^2 over terms that occur m times.

    Added one after the other, equal terms are rounded the same way each time, so that their
    errors add up; n of them err by n u / 4 and not by sqrt(n) u. Zeros are added exactly.
    """
    if call.op == "GlobalAveragePool":
        axes: Sequence[int] = range(2, x.ndim)
    elif call.op in ("ReduceMean", "ReduceSum"):
        given = call.optional(1)
        listed = call.attributes.get("axes") if given is None else np.ravel(given).tolist()
        axes = [int(axis) % x.ndim for axis in listed or range(x.ndim)]
    else:
        return 0.0
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = np.sort(np.transpose(x, [*kept, *axes]).reshape(np.size(y), -1), axis=-1)
    return np.asarray(_runs(rows).reshape(np.shape(y)))


def _runs(rows: Array) -> Array:
    """The sum over each sorted row of the lengths of the runs that its elements are in."""
    count: int = rows.shape[-1]
    places: Array = np.arange(count)
    starts: Array = np.ones(rows.shape, bool)
    starts[:, 1:] = rows[:, 1:] != rows[:, :-1]
    ends: Array = np.ones(rows.shape, bool)
    ends[:, :-1] = starts[:, 1:]
    begun: Array = np.where(starts, places, 0)
    ended: Array = np.where(ends, places, count)
    first = np.maximum.accumulate(begun, axis=-1)
    last = np.minimum.accumulate(ended[:, ::-1], axis=-1)[:, ::-1]
    return np.asarray(np.sum(np.where(rows != 0, last - first + 1.0, 0.0), axis=-1))


def batch_normalization(noise: Noise, call: Call) -> Array:
    """Folding is legal: errors of the size of its terms, |a x| + |a mean| + |b|."""
    x, scale, bias, mean, variance = (np.asarray(value) for value in call.values[:5])
    shape = (1, -1, *[1] * (x.ndim - 2)) if x.ndim > 1 else (-1,)
    factor = scale / np.sqrt(variance + call.attributes["epsilon"])
    y = (x - mean.reshape(shape)) * factor.reshape(shape) + bias.reshape(shape)
    size = np.abs(x) * np.abs(factor).reshape(shape)
    size = size + (np.abs(factor * mean) + np.abs(bias)).reshape(shape)
    return noise.offset(y, call.dtype, size)


def softmax(noise: Noise, call: Call) -> Array:
    """Softmax and LogSoftmax as their bodies have it, of versions that have none as well."""
    x = np.asarray(call.values[0])
    axis = int(call.attributes.get("axis", -1 if call.version >= 13 else 1))
    shape = x.shape
    if call.version < 13:  # over all axes from this one on
        axis = axis % max(1, x.ndim)
        x, axis = x.reshape(prod(shape[:axis]), -1), 1
    shifted = noise.primitive(x - x.max(axis=axis, keepdims=True), call.dtype, 1.0)
    powers = noise.primitive(np.exp(shifted), call.dtype, FACTORS["Exp"])
    total = powers.sum(axis=axis, keepdims=True)
    n = float(x.shape[axis])
    total = noise.added(
        total, call.dtype, lambda: np.sum(powers * powers, axis=axis, keepdims=True), n
    )
    total = noise.primitive(total, call.dtype, 1.0)
    if call.op == "LogSoftmax":
        logarithm = noise.primitive(np.log(total), call.dtype, FACTORS["Log"])
        return noise.primitive(shifted - logarithm, call.dtype, 1.0).reshape(shape)
    return noise.primitive(powers / total, call.dtype, 1.0).reshape(shape)


def norm(noise: Noise, call: Call, y: Array) -> Array:
    """A sum of what is not negative, or a function of one: sqrt(n) roundings as large as it."""
    n = np.size(call.values[0]) / max(1, np.size(y))
    return noise.primitive(y, call.dtype, LIBRARY + float(np.sqrt(n)))


def terms(call: Call) -> float:
    """How many values an operator of ai.onnx.ml adds up: an ensemble one of each tree."""
    trees = call.attributes.get("nodes_treeids") or call.attributes.get("tree_roots") or ()
    return float(len(set(trees)))


def spectrum(noise: Noise, call: Call, y: Array) -> Array:
    """DFT or STFT: sums over a frame, whose error is that of the frame's size, not of `y`'s.

    A length that is no power of two may be transformed by Bluestein's algorithm, whose angles
    reach pi n and are rounded as such: s is n u times the frame. (ONNX Runtime's is; its error
    is a fifth of what the sum itself is allowed, see `families/signal.py`.)
    """
    x = np.asarray(call.values[0])
    if call.op == "STFT":
        energy, n = _framed_energy(call, x if x.ndim > 2 else x[..., None])
    else:
        axis = int(call.attributes.get("axis", 1))
        given = call.optional(2)
        axis = (int(np.ravel(given)[0]) if given is not None else axis) % x.ndim
        n = x.shape[axis] if call.optional(1) is None else int(np.ravel(call.values[1])[0])
        energy = np.sum(x * x, axis=(axis, x.ndim - 1), keepdims=True)
        energy = energy / n**2 if call.attributes.get("inverse") else energy
    energy = energy * 6 * n if n & (n - 1) else energy
    noisy = noise.added(y, call.dtype, lambda: energy, float(n))
    return noise.primitive(noisy, call.dtype, 1.0)


def _framed_energy(call: Call, x: Array) -> tuple[Array, int]:
    """The sum of squares of each frame as the window weighs it, and a frame's length."""
    window, given = call.optional(2), call.optional(3)
    weights = np.ones(int(np.ravel(given)[0])) if window is None else np.ravel(window)
    hop, length = int(np.ravel(call.values[1])[0]), len(weights)
    frames = np.lib.stride_tricks.sliding_window_view(x, length, axis=1)[:, ::hop]
    energy = np.sum((frames * weights) ** 2, axis=(2, 3))
    return np.asarray(energy[:, :, None, None]), length


def is_inference(call: Call) -> bool:
    """Whether it is a batch normalisation by given statistics, a channel at a time."""
    training = call.attributes.get("training_mode", 0) or not call.attributes.get("spatial", 1)
    return call.op == "BatchNormalization" and not training


def _matmul(call: Call) -> Sum:
    return Sum(np.matmul, float(np.shape(call.values[0])[-1]))


def _gemm(call: Call) -> Sum:
    left, right = call.attributes["transA"], call.attributes["transB"]

    def bilinear(a: Array, b: Array) -> Array:
        return np.asarray((a.T if left else a) @ (b.T if right else b))

    return Sum(bilinear, float(np.shape(call.values[0])[0 if left else 1]))


def _conv(call: Call) -> Sum:
    x, w = (np.shape(value) for value in call.values[:2])
    windows = windows_of(call.attributes, x[2:], w[2:])
    group = call.attributes.get("group", 1)

    def bilinear(image: Array, weights: Array) -> Array:
        return correlate(image, weights, windows, group)

    return Sum(bilinear, float(np.prod(w[1:])))


def _by_reference(call: Call) -> Sum:
    """Linear in both inputs as it is, without a bias."""

    def bilinear(a: Array, b: Array) -> Array:
        return np.asarray(call.reference([a, b, *[None] * (len(call.values) - 2)])[0])

    ones = [np.ones(np.shape(value)) for value in call.values[:2]]
    return Sum(bilinear, float(np.max(bilinear(ones[0], ones[1]), initial=1.0)))


SUMS: Mapping[str, Summed] = {
    "Conv": _conv,
    "ConvTranspose": _by_reference,
    "Einsum": _by_reference,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
"""Operators that are sums of products of their first two inputs."""

AVERAGES = frozenset({"AveragePool", "CumSum", "GlobalAveragePool", "ReduceMean", "ReduceSum"})
"""Operators that add their first input up."""


NORMS = frozenset(
    {
        *("GlobalLpPool", "LpNormalization", "LpPool", "ReduceL1", "ReduceL2", "ReduceLogSum"),
        *("ReduceLogSumExp", "ReduceProd", "ReduceSumSquare"),
    }
)
"""Operators whose every element is a sum or product of many, without cancellation."""

SPECTRA = frozenset({"DFT", "STFT"})
"""Operators that transform their first input."""


def is_sum(op: str, values: Sequence[Any]) -> bool:
    """Whether an operator with these inputs is a sum of products of two of them."""
    return op in SUMS and len(values) >= 2 and (op != "Einsum" or len(values) == 2)

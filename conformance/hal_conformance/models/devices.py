"""Simulated devices that a walk can make of any model: right ones, and ones with a fault.

A device here computes each operator in float64 and rounds what its arithmetic rounds: operands
of contractions, sums, results. `layers` do so in another arithmetic than the rest, which is how
one layer in bfloat16 looks; `off` makes functions inexact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx

from hal.tensor import Value
from hal_conformance.numerics.arithmetic import ARITHMETICS, Arithmetic, Array
from hal_conformance.numerics.kernels import Call
from hal_conformance.numerics.noise import Noise, rounded
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import value_of
from hal_conformance.numerics.typical import NoisyWalk, Path, with_weights

FUNCTIONS = frozenset({"Erf", "Exp", "Log", "Pow", "Sigmoid", "Softplus", "Sqrt", "Tanh"})
"""What a device may approximate too coarsely."""

_NOT_LAYERS = frozenset({"BatchNormalization", "LogSoftmax", "Softmax"})

_FP32 = ARITHMETICS["fp32"]


class Rounding(Noise):
    """What one device rounds, in the places where a pass has noise."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        super().__init__(arithmetic, None, [])

    def primitive(self, values: Array, dtype: str, factor: float) -> Array:  # noqa: ARG002  no noise
        """The result as it is stored."""
        return rounded(values, self.arithmetic.stored(dtype))

    def operand(self, values: Array, dtype: str) -> Array:
        """What a contraction reads."""
        return rounded(values, self.arithmetic.operand(dtype))

    def added(
        self,
        values: Array,
        dtype: str,
        squares: Callable[[], Array],  # noqa: ARG002  no noise
        n: float,  # noqa: ARG002  no noise
        repeated: Callable[[], Array | float] = lambda: 0.0,  # noqa: ARG002  no noise
    ) -> Array:
        """A sum as it is kept."""
        return rounded(values, self.arithmetic.summing(dtype))

    def offset(self, values: Array, dtype: str, size: Array) -> Array:  # noqa: ARG002  no noise
        """A result as it is stored."""
        return rounded(values, self.arithmetic.stored(dtype))


@dataclass
class Fault:
    """What is wrong with a device: layers in another arithmetic, functions that are off.

    `layers` are numbers of contractions in the order in which they run; `off` is the relative
    error of functions, drawn uniformly.
    """

    layers: frozenset[int] = frozenset()
    lower: Arithmetic = field(default_factory=lambda: ARITHMETICS["bf16"])
    off: float = 0.0


class DeviceWalk(NoisyWalk):
    """A walk whose values are what one device holds; it takes its own path."""

    def __init__(self, model: onnx.ModelProto, arithmetic: Arithmetic, fault: Fault) -> None:
        opsets = {entry.domain: entry.version for entry in model.opset_import}
        functions = {(f.domain, f.name): f for f in model.functions}
        super().__init__(Rounding(arithmetic), Path(), opsets, functions)
        self._fault = fault
        self._random = np.random.Generator(np.random.PCG64(0))
        self.layers: list[str] = []

    def _sums(self, call: Call) -> list[Array]:
        usual = self._noise
        if len(self.layers) in self._fault.layers and call.op not in _NOT_LAYERS:
            self._noise = Rounding(self._fault.lower)
        try:
            made = super()._sums(call)
        finally:
            self._noise = usual
        if made and call.op not in _NOT_LAYERS:
            self.layers.append(call.op)
        return made

    def _pair(self, value: Pair, call: Call | None, factor: float) -> Pair:
        made = super()._pair(value, call, factor)
        if not self._fault.off or call is None or call.op not in FUNCTIONS:
            return made
        drawn = self._random.uniform(-1, 1, np.shape(made.value))
        return Pair(made.value * (1 + self._fault.off * drawn), None, made.dtype)


def run(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic = _FP32,
    fault: Fault | None = None,
) -> list[Value]:
    """The outputs of a model on a simulated device."""
    return [value_of(value) for value in _walked(model, feeds, arithmetic, fault)[0]]


def layers(model: onnx.ModelProto, feeds: Mapping[str, Quantity]) -> Sequence[str]:
    """The contractions of a model in the order in which they run, by their operators."""
    return _walked(model, feeds, _FP32, None)[1].layers


def _walked(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic,
    fault: Fault | None,
) -> tuple[list[Quantity], DeviceWalk]:
    walk = DeviceWalk(model, arithmetic, fault or Fault())
    with np.errstate(all="ignore"):
        return walk.graph(model.graph, with_weights(model, feeds)), walk

"""Random numbers, which have no reference: UNJUDGED by design, but for what is certain of them.

The standard fixes no generator, not even for a given seed, so that two correct devices share no
value. The type and the shape are judged, and the range where there is one: RandomUniform stays
within [low, high], Bernoulli gives 0 and 1, Multinomial the indices of classes; a device that
fails that is wrong. Whether numbers are random enough is a question for statistics over many
runs, which one case cannot answer. Normal numbers have no range and are left unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.families.contraction import needed
from hal_conformance.numerics.pair import Accepts, Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

UNFIXED = "ONNX: no generator is specified; only type, shape and range are"


def _drawn(shape: tuple[int, ...], dtype: str, middle: float, accepts: Accepts | None) -> Pair:
    """A tensor of which only a range is known, and to what follows it nothing."""
    kind = np.float64 if dtype in FORMATS else dtypes.of_name(dtype).numpy
    value = np.full(shape, middle).astype(kind)
    error = np.full(shape, np.inf)
    return Pair(value, error, dtype, accepts, value.size if accepts else 0)


def _type(step: Step, like: Pair | None = None) -> str:
    number = int(step.attributes.get("dtype", 0))
    if number:
        return dtypes.of_number(number).name
    return like.dtype if like else "float32"


@rule("RandomUniform", "RandomUniformLike", source=UNFIXED)
def random_uniform(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Between low and high, both rounded to the type and reachable by rounding."""
    like = needed(inputs) if inputs else None
    dtype = _type(step, like)
    shape = np.shape(like.value) if like else tuple(step.attributes["shape"])
    low, high = float(step.attributes["low"]), float(step.attributes["high"])
    room = step.stored(dtype).ulp(np.asarray(max(abs(low), abs(high)))) / 2

    def accepts(got: Array) -> Array:
        numbers = got.astype(np.float64)
        return np.asarray((numbers >= low - room) & (numbers <= high + room))

    return [_drawn(shape, dtype, (low + high) / 2, accepts)]


@rule("RandomNormal", "RandomNormalLike", source=UNFIXED)
def random_normal(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Any number; the mean where the scale is 0."""
    like = needed(inputs) if inputs else None
    shape = np.shape(like.value) if like else tuple(step.attributes["shape"])
    dtype, mean = _type(step, like), float(step.attributes["mean"])
    if step.attributes["scale"] == 0:
        return [step.rounded(np.full(shape, mean), np.zeros(shape), dtype)]
    return [_drawn(shape, dtype, mean, None)]


@rule("Bernoulli", source=UNFIXED, since=15)
def bernoulli(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """0 or 1; certain where the probability is 0 or 1.

    The document draws 1 with the probability given; the body, Greater(random, input), draws 0
    with it. A device may follow either, but one of them everywhere.
    """
    given = needed(inputs)
    never, always = given.value == 0, given.value == 1
    if not given.is_exact:
        never = always = np.zeros(np.shape(given.value), bool)

    def accepts(got: Array) -> Array:
        numbers = got.astype(np.float64)
        drawn = (numbers == 0) | (numbers == 1)
        text = drawn & ~(always & (numbers == 0)) & ~(never & (numbers == 1))
        body = drawn & ~(always & (numbers == 1)) & ~(never & (numbers == 0))
        return np.asarray(body if body.all() else text)

    drawn = _drawn(np.shape(given.value), _type(step, given), 0.0, accepts)
    return [replace(drawn, value=always.astype(drawn.value.dtype))]


@rule("Multinomial", source=UNFIXED, since=7)
def multinomial(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Indices of classes."""
    given = needed(inputs)
    batch, classes = np.shape(given.value)
    number = int(step.attributes["dtype"])

    def accepts(got: Array) -> Array:
        return np.asarray((got >= 0) & (got < classes))

    shape = (batch, int(step.attributes["sample_size"]))
    return [_drawn(shape, dtypes.of_number(number).name, 0.0, accepts)]


@rule("Dropout", source="ONNX Dropout-13: the identity unless training", since=7)
def dropout(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The input itself and a mask that keeps everything.

    While training, an element is zero or x / (1 - ratio), and which is random.
    """
    x = needed(inputs)
    kind = "bool" if step.version >= 10 else x.dtype
    kept = np.ones(np.shape(x.value), bool if kind == "bool" else np.float64)
    training = inputs[2] if len(inputs) > 2 else None
    ratio = inputs[1] if len(inputs) > 1 else None
    share = float(ratio.value.item()) if isinstance(ratio, Pair) else 0.5
    results: list[Quantity] = [x, Pair(kept, None, kind)]
    if isinstance(training, Pair) and bool(training.value.item()) and share != 0:
        mask = _drawn(np.shape(x.value), kind, 1.0, lambda got: np.ones(np.shape(got), bool))
        results = [_dropped(step, x, share), mask]
    return results[: len(step.outputs)]


def _dropped(step: Step, x: Pair, share: float) -> Pair:
    """Zero or x / (1 - ratio): 1 - ratio, its reciprocal and the product round."""
    with np.errstate(all="ignore"):
        scaled = step.rounded(x.value / (1 - share), x.errors() / (1 - share), x.dtype, 3.0)

    def accepts(got: Array) -> Array:
        numbers = got.astype(np.float64)
        with np.errstate(invalid="ignore"):
            near = np.abs(numbers - scaled.value) <= scaled.errors()
        return np.asarray(near | (numbers == 0) | (numbers == scaled.value))

    return replace(_drawn(np.shape(x.value), x.dtype, 0.0, accepts), value=scaled.value)

"""Reductions and normalisations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hal.tensor import Tensor
from hal_conformance.power.catalogue.precision import floats
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    always,
    among,
    changing_attribute,
    having,
    mapped,
    with_array,
)

REDUCTION = "reduction and normalisation"

_REDUCTIONS = (
    *(
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceL1",
        "ReduceL2",
    ),
    *("ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare", "ArgMax", "ArgMin"),
)


_NORMS = (
    *("LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization"),
    *("BatchNormalization", "MeanVarianceNormalization", "LpNormalization"),
)


def _reductions() -> Iterator[Fault]:
    reductions = among(*_REDUCTIONS)
    for label, value in (("0", 0), ("1", 1), ("nan", np.nan), ("largest", 1e30)):
        yield Fault(
            f"reduce/empty-is-{label}",
            REDUCTION,
            f"the reduction of nothing is {label}",
            reductions,
            _empty_is(value),
        )
    yield Fault(
        "reduce/all-axes",
        REDUCTION,
        "all axes are reduced, and the result repeated",
        reductions,
        _over_all,
    )
    yield Fault(
        "reduce/mean-by-n-1",
        REDUCTION,
        "n - 1 for n",
        among("ReduceMean", "Mean"),
        _scaled_mean,
    )
    yield Fault("reduce/l2-not-rooted", REDUCTION, "no root", among("ReduceL2"), _squared)
    yield Fault(
        "reduce/empty-axes-all",
        REDUCTION,
        "no axes means the last axis",
        reductions,
        _no_axes_is_last,
    )
    norms = among(*_NORMS)
    for label, factor in (("unbiased", 1.0), ("eps-outside", 2.0)):
        yield Fault(
            f"norm/variance-{label}",
            REDUCTION,
            f"the variance is {label}",
            norms,
            _norm(factor),
        )
    yield Fault(
        "norm/epsilon-zero",
        REDUCTION,
        "epsilon is left out",
        having("epsilon"),
        changing_attribute("epsilon", always(0.0)),
    )
    yield Fault(
        "norm/epsilon-squared",
        REDUCTION,
        "epsilon is added to the deviation, not the variance",
        having("epsilon"),
        changing_attribute("epsilon", lambda v, _: v and v**0.5),
    )
    yield Fault("norm/mean-not-subtracted", REDUCTION, "no mean", norms, _mean_kept)


def _empty_is(value: float) -> Mutate:
    def mutate(call: Call) -> Values:
        results, given = call.evaluate(), call.tensor(0)
        first = results[0]
        if given is None or given.array.size or not isinstance(first, Tensor):
            return results
        return [with_array(first, np.full(first.shape, value))]

    return mutate


def _over_all(call: Call) -> Values:
    results, given = call.evaluate(), call.tensor(0)
    first = results[0]
    if given is None or not isinstance(first, Tensor) or not given.shape:
        return results
    place = call.position("axes")
    inputs = [*call.inputs[:1], *call.inputs[2:]] if place == 1 else call.inputs
    whole = call.evaluate(inputs, axes=None) if call.operator.op[:3] != "Arg" else results
    made = whole[0]
    if not isinstance(made, Tensor) or made.array.size != 1:
        return results
    return [with_array(first, np.full(first.shape, made.array.reshape(-1)[0]))]


def _scaled_mean(call: Call) -> Values:
    def count(first: Tensor) -> int:
        given = call.tensor(0)
        if call.operator.op == "Mean":
            return len(call.inputs)
        return given.array.size // max(1, first.array.size) if given is not None else 1

    results = call.evaluate()
    first = results[0]
    n = count(first) if isinstance(first, Tensor) else 1
    if n < 2:
        return results
    return [mapped(v, floats(lambda wide, _: wide * n / (n - 1))) for v in results]


def _squared(call: Call) -> Values:
    return [mapped(v, floats(lambda wide, _: wide * wide)) for v in call.evaluate()]


def _no_axes_is_last(call: Call) -> Values:
    place = call.position("axes")
    if place is not None or call.attributes.get("axes") is not None:
        return call.evaluate()
    if call.operator.op[:3] == "Arg":
        return call.evaluate()
    if "axes" in call.operator.inputs and call.version >= 13:
        from hal import dtypes

        last = Tensor(np.array([-1], np.int64), dtypes.of_name("int64"))
        return call.evaluate([call.inputs[0], last])
    return call.evaluate(axes=[-1])


def _norm(factor: float) -> Mutate:
    """The input's deviation counted otherwise: n - 1 for n, or epsilon beside the root."""

    def mutate(call: Call) -> Values:
        given = call.tensor(0)
        if given is None or given.array.size < 3 or call.operator.op == "LpNormalization":
            return call.evaluate()
        results = call.evaluate()
        n = max(2, given.shape[-1] if len(given.shape) else 2)
        if factor > 1.0:
            epsilon = float(call.attributes.get("epsilon", 1e-9))
            return (
                call.evaluate(epsilon=epsilon * 4) if "epsilon" in call.attributes else results
            )
        return [mapped(results[0], floats(lambda w, _: w * ((n - 1) / n) ** 0.5)), *results[1:]]

    return mutate


def _mean_kept(call: Call) -> Values:
    """As if the mean were zero: the input is moved by its own mean first."""
    results, given = call.evaluate(), call.tensor(0)
    if given is None or call.operator.op in ("RMSNormalization", "LpNormalization"):
        return results
    wide = given.array.astype(np.float64)
    axes = tuple(range(2, wide.ndim)) or (-1,)
    mean = np.broadcast_to(wide.mean(axes, keepdims=True), wide.shape)
    return [mapped(results[0], floats(lambda w, _: w + np.resize(mean, w.shape)))]


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _reductions()

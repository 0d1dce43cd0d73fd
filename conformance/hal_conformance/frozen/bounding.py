"""What is known of a question's outputs under one arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx

from hal.targets import Target
from hal.tensor import Value
from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.arithmetic import Arithmetic
from hal_conformance.numerics.engine import bounds, is_exact
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import exactly
from hal_conformance.numerics.typical import typical
from hal_conformance.numerics.vacuity import vacuous

ASSUMED = "fp32"
"""The arithmetic of a target that declares none: what the types of a float32 model say."""


def declared(target: Target) -> str:
    """The arithmetic that a target's answers are judged by."""
    return target.arithmetic or ASSUMED


def known(question: Question, arithmetic: Arithmetic, *, statistics: bool) -> list[Known]:
    """What is known of the outputs of each data set.

    Args:
        question: the case.
        arithmetic: what the device is said to compute in.
        statistics: whether the typical tier may speak where the sound one says nothing.
    """
    if question.judged == "refusal":
        return [Known("refusal", [], None, None) for _ in question.datasets]
    model = onnx.ModelProto.FromString(question.model)
    with np.errstate(all="ignore"):  # references overflow and divide by zero on purpose
        return [
            _graded(
                model,
                feeds,
                arithmetic,
                _known(question, model, feeds, arithmetic, statistics=statistics),
            )
            for feeds in question.datasets
        ]


def once(
    question: Question, number: int, arithmetic: Arithmetic, *, statistics: bool = False
) -> Known:
    """What `known` says of one data set, without what would grade an answer."""
    model = onnx.ModelProto.FromString(question.model)
    feeds = question.datasets[number]
    with np.errstate(all="ignore"):
        return _known(question, model, feeds, arithmetic, statistics=statistics)


def _known(
    question: Question,
    model: onnx.ModelProto,
    feeds: Mapping[str, Value],
    arithmetic: Arithmetic,
    *,
    statistics: bool,
) -> Known:
    try:
        fed = {name: exactly(value) for name, value in feeds.items()}
        expected = bounds(model, fed, arithmetic)
        if question.judged == "type":
            return Known("type", expected, None, None)
        reasons = vacuous(question.names, expected, fed, arithmetic)
    except Exception as error:  # noqa: BLE001  what the analysis cannot do is UNJUDGED, and said
        failed = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return Known("sound", [], None, f"no bound could be computed ({failed})")
    found = Known("sound", expected, None, next(iter(reasons), None))
    if reasons and statistics and len(model.graph.node) > 1 and _is_real(expected):
        return _by_statistics(question, model, fed, arithmetic) or found
    return found


def _graded(
    model: onnx.ModelProto, feeds: Mapping[str, Value], arithmetic: Arithmetic, found: Known
) -> Known:
    """With the bounds of grade A, where an answer can be graded by a proof."""
    if found.tier != "sound" or found.vacuous is not None:
        return found
    fed = {name: exactly(value) for name, value in feeds.items()}
    return replace(found, primitive=_primitive(model, fed, arithmetic, found.expected))


def _primitive(
    model: onnx.ModelProto,
    fed: Mapping[str, Quantity],
    arithmetic: Arithmetic,
    expected: Sequence[Quantity],
) -> Sequence[Quantity]:
    """The bounds of grade A; where nothing may differ, what is expected."""
    if all(is_exact(quantity) for quantity in expected):
        return expected
    return bounds(model, fed, arithmetic, primitive=True)


def _is_real(expected: Sequence[Quantity]) -> bool:
    """Whether all outputs are floating point, of which statistics can speak."""
    return all(isinstance(one, Pair) and one.is_float for one in expected)


def _by_statistics(
    question: Question,
    model: onnx.ModelProto,
    fed: Mapping[str, Quantity],
    arithmetic: Arithmetic,
) -> Known | None:
    """The typical tier's word; None where that says nothing either."""
    expected = typical(model, fed, arithmetic)
    if vacuous(question.names, expected, fed, arithmetic):
        return None
    return Known("typical", expected, None, None)


def rewritten(
    question: Question, number: int, known: Known, arithmetic: Arithmetic
) -> Known | None:
    """What a device may return that rewrites a graph by the laws of real numbers.

    x * clip(x + 3, 0, 6) / 6 may become x * clip(x / 6 + 1 / 2, 0, 1): legal, beyond the bounds
    of the graph as it is written, and within what statistics allow. None for single operators,
    which leave nothing to rewrite, and where statistics say nothing.
    """
    model = onnx.ModelProto.FromString(question.model)
    if len(model.graph.node) < 2 or not _is_real(known.expected):
        return None
    fed = {name: exactly(value) for name, value in question.datasets[number].items()}
    return _by_statistics(question, model, fed, arithmetic)

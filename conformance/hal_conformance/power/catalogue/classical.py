"""Classical models: trees, scores, kernels, norms, labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    always,
    changing_attribute,
    having,
)

CLASSICAL = "classical models"


def _swapped_words(name: str, words: dict[str, str]) -> Mutate:
    def change(value: Any, _: Call) -> Any:
        if isinstance(value, list):
            return [words.get(w, w) for w in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # decoded
        return words.get(value, value)

    return changing_attribute(name, change)


def _modes_shifted(value: Any, _: Call) -> Any:
    """TreeEnsemble's modes as numbers: <= and < exchanged."""
    if not hasattr(value, "raw_data"):
        return value
    from onnx import numpy_helper

    array = numpy_helper.to_array(value)
    made = np.where(array == 0, 1, np.where(array == 1, 0, array)).astype(array.dtype)
    return numpy_helper.from_array(made, value.name)


def _classical() -> Iterator[Fault]:
    trees = having("nodes_modes")
    pairs = {"BRANCH_LEQ": "BRANCH_LT", "BRANCH_LT": "BRANCH_LEQ"}
    more = {"BRANCH_GT": "BRANCH_GTE", "BRANCH_GTE": "BRANCH_GT", **pairs}
    yield Fault(
        "trees/equal", CLASSICAL, "<= is <, > is >=", trees, _swapped_words("nodes_modes", more)
    )
    yield Fault(
        "trees/modes",
        CLASSICAL,
        "<= is <",
        trees,
        changing_attribute("nodes_modes", _modes_shifted),
    )
    yield Fault(
        "trees/branches-exchanged",
        CLASSICAL,
        "true and false branches are exchanged",
        trees,
        _branches_exchanged,
    )
    for word in ("SUM", "AVERAGE", "MIN", "MAX"):
        yield Fault(
            f"trees/aggregate-{word.lower()}",
            CLASSICAL,
            f"trees are combined by {word}",
            having("aggregate_function"),
            changing_attribute("aggregate_function", _aggregated(word)),
        )
    for word in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"):
        yield Fault(
            f"scores/always-{word.lower().replace('_', '-')}",
            CLASSICAL,
            f"scores are always {word}",
            having("post_transform"),
            changing_attribute("post_transform", _word(word)),
        )
    for word in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        yield Fault(
            f"svm/always-{word.lower()}",
            CLASSICAL,
            f"the kernel is always {word}",
            having("kernel_type"),
            changing_attribute("kernel_type", always(word)),
        )
    for word in ("MAX", "L1", "L2"):
        yield Fault(
            f"normalizer/always-{word.lower()}",
            CLASSICAL,
            f"the norm is always {word}",
            having("norm"),
            changing_attribute("norm", always(word)),
        )
    yield Fault(
        "labels/shifted",
        CLASSICAL,
        "labels are those of the next class",
        having("classlabels_ints", "classlabels_int64s", "classlabels_strings"),
        _labels_shifted,
    )


def _word(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: word if isinstance(value, str) else value


def _aggregated(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: _aggregate(value, word)


def _aggregate(value: Any, word: str) -> Any:
    numbers = {"AVERAGE": 0, "SUM": 1, "MIN": 2, "MAX": 3}
    return numbers[word] if isinstance(value, int) else word


def _branches_exchanged(call: Call) -> Values:
    names = ("nodes_truenodeids", "nodes_falsenodeids")
    if "nodes_trueleafs" in call.attributes:
        true, false = call.attributes["nodes_trueleafs"], call.attributes["nodes_falseleafs"]
        ids = {names[0]: call.attributes[names[1]], names[1]: call.attributes[names[0]]}
        return call.evaluate(nodes_trueleafs=false, nodes_falseleafs=true, **ids)
    if names[0] not in call.attributes:
        return call.evaluate()
    return call.evaluate(
        **{names[0]: call.attributes[names[1]], names[1]: call.attributes[names[0]]}
    )


def _labels_shifted(call: Call) -> Values:
    changed: dict[str, Any] = {}
    for name in ("classlabels_ints", "classlabels_int64s", "classlabels_strings"):
        value = call.attributes.get(name)
        if isinstance(value, list) and value:
            changed[name] = [*value[1:], value[0]]
    return call.evaluate(**changed)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _classical()

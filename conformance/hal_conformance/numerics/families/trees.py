"""Ensembles of trees (ai.onnx.ml): comparisons that choose leaves, and sums of their weights.

A comparison with a number known exactly is certain. Where an input's error straddles a split,
the row may end in another leaf and nothing is said of it. The sum over T trees is within T u of
the sum of the sizes of the weights, in any order, base values included.

With two classes and one column of weights the standard does not say what the other column is:
1 - s is what the reference evaluator gives (and -s before a post transform). It is judged where
every weight is positive; else nothing is said of scores and labels. Nor is anything where one
of two classes has no weight in a row: runtimes complete the pair in ways of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import needed
from hal_conformance.numerics.families.scores import (
    AI_ONNX_ML,
    labelled,
    transformed,
    unlabelled,
    unsaid,
)
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
SOURCE = "ai.onnx.ml: T u Σ|w| over T trees (Jeannerod and Rump 2013)"


@dataclass(frozen=True)
class Forest:
    """Inner nodes in parallel arrays; branches lead to nodes, or to leaf k written as -1 - k.

    `weights` and `present` are what each leaf gives to each target.
    """

    roots: Array
    features: Array
    splits: Array
    modes: Array
    missing: Array
    when_true: Array
    when_false: Array
    members: Mapping[int, Array]
    weights: Array
    present: Array

    def leaves(self, x: Array, errors: Array) -> tuple[Array, Array]:
        """The leaf of each row in each tree, and whether it is certain."""
        places = np.broadcast_to(self.roots, (len(x), len(self.roots))).copy()
        certain = np.ones(places.shape, bool)
        rows = np.broadcast_to(np.arange(len(x), dtype=np.int64)[:, None], places.shape)
        while (inner := places >= 0).any():
            nodes, here = places[inner], rows[inner]
            values = x[here, self.features[nodes]]
            doubt = errors[here, self.features[nodes]]
            split = self.splits[nodes]
            with np.errstate(invalid="ignore"):
                certain[inner] &= (doubt == 0) | (np.abs(values - split) > doubt)
            taken = self._compared(nodes, values, split)
            taken |= np.isnan(values) & self.missing[nodes]
            places[inner] = np.where(taken, self.when_true[nodes], self.when_false[nodes])
        return -1 - places, certain

    def _compared(self, nodes: Array, values: Array, split: Array) -> Array:
        with np.errstate(invalid="ignore"):
            every = [
                values <= split,
                values < split,
                values >= split,
                values > split,
                values == split,
                (values != split) & ~np.isnan(values),
                np.zeros(values.shape, bool),
            ]
        for node, members in self.members.items():
            every[6] |= (nodes == node) & np.isin(values, members)
        return np.asarray(np.select([self.modes[nodes] == k for k in range(7)], every))


def _array(attributes: Mapping[str, Any], name: str, kind: str = "f8") -> Array | None:
    """A list or tensor attribute, by its name or with `_as_tensor`."""
    for key in (name, f"{name}_as_tensor"):
        value = attributes.get(key)
        if value is not None:
            if isinstance(value, onnx.TensorProto):
                return numpy_helper.to_array(value).astype(kind)
            return np.array(value, kind)
    return None


def _given(attributes: Mapping[str, Any], name: str, kind: str = "f8") -> Array:
    found = _array(attributes, name, kind)
    if found is None:
        raise ValueError(f"a tree ensemble needs {name}")
    return found


def _weights(
    leaves: int, targets: int, parts: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    """What leaves give to targets, and whether they do."""
    weights, present = np.zeros((leaves, targets)), np.zeros((leaves, targets), bool)
    at, target, weight = parts
    np.add.at(weights, (at, target), weight)
    present[at, target] = True
    return weights, present


def forest_5(attributes: Mapping[str, Any]) -> Forest:
    """The trees of TreeEnsemble, whose leaves are apart from their nodes."""
    modes = _given(attributes, "nodes_modes", "i8")
    branches: list[Array] = []
    for side in ("true", "false"):
        ids = _given(attributes, f"nodes_{side}nodeids", "i8")
        leaf = _given(attributes, f"nodes_{side}leafs", "i8") != 0
        branches.append(np.where(leaf, -1 - ids, ids))
    weights = _given(attributes, "leaf_weights")
    parts = np.arange(len(weights)), _given(attributes, "leaf_targetids", "i8"), weights
    missing = _array(attributes, "nodes_missing_value_tracks_true", "i8")
    listed = _array(attributes, "membership_values")
    return Forest(
        _given(attributes, "tree_roots", "i8"),
        _given(attributes, "nodes_featureids", "i8"),
        _given(attributes, "nodes_splits"),
        modes,
        np.zeros(len(modes), bool) if missing is None else missing != 0,
        branches[0],
        branches[1],
        {} if listed is None else _members(modes, listed),
        *_weights(len(weights), int(attributes["n_targets"]), parts),
    )


def _members(modes: Array, listed: Array) -> dict[int, Array]:
    """The members of each node that tests them: runs between NaN, in the order of the nodes."""
    runs = np.split(listed, np.flatnonzero(np.isnan(listed)))
    nodes = np.flatnonzero(modes == MODES.index("MEMBER"))
    return {int(n): run[~np.isnan(run)] for n, run in zip(nodes, runs, strict=False)}


def forest(attributes: Mapping[str, Any], kind: str, targets: int) -> Forest:
    """The trees of the classifier ("class") and the regressor ("target")."""
    names = [str(mode).removeprefix("BRANCH_") for mode in attributes["nodes_modes"]]
    trees, ids = (_given(attributes, f"nodes_{n}ids", "i8") for n in ("tree", "node"))
    place = {pair: k for k, pair in enumerate(zip(trees.tolist(), ids.tolist(), strict=True))}
    leaf = np.array([name == "LEAF" for name in names])

    def branch(side: str) -> Array:
        given = _given(attributes, f"nodes_{side}nodeids", "i8").tolist()
        found = [place.get((tree, n), 0) for tree, n in zip(trees.tolist(), given, strict=True)]
        return np.array([-1 - k if leaf[k] else k for k in found])

    _, first = np.unique(trees, return_index=True)
    votes = zip(
        _given(attributes, f"{kind}_treeids", "i8").tolist(),
        _given(attributes, f"{kind}_nodeids", "i8").tolist(),
        strict=True,
    )
    at = np.array([place[pair] for pair in votes], np.int64)
    parts = at, _given(attributes, f"{kind}_ids", "i8"), _given(attributes, f"{kind}_weights")
    missing = _array(attributes, "nodes_missing_value_tracks_true", "i8")
    return Forest(
        np.where(leaf[first], -1 - first, first),
        _given(attributes, "nodes_featureids", "i8"),
        _given(attributes, "nodes_values"),
        np.array([0 if name == "LEAF" else MODES.index(name) for name in names]),
        np.zeros(len(names), bool) if missing is None else missing != 0,
        branch("true"),
        branch("false"),
        {},
        *_weights(len(names), targets, parts),
    )


def aggregated(step: Step, x: Pair, trees: Forest, how: str, base: Array | None) -> Pair:
    """The scores (rows, targets) in float32 or in the type of doubles, not rounded yet."""
    numbers = np.asarray(x.value, np.float64)
    rows = numbers.reshape(1, -1) if numbers.ndim == 1 else numbers
    leaves, certain = trees.leaves(rows, x.errors().reshape(rows.shape))
    given, there = trees.weights[leaves], trees.present[leaves]
    dtype = x.dtype if step.op == "TreeEnsemble" else "float32"
    unit = step.arithmetic.summing(dtype).unit
    silent: Array = np.zeros((given.shape[0], given.shape[2]), bool)
    if how in ("MIN", "MAX"):
        # A target that no leaf of a row speaks for is not specified.
        fold = np.min if how == "MIN" else np.max
        edge = np.inf if how == "MIN" else -np.inf
        value = fold(np.where(there, given, edge), axis=1)
        value = np.where(there.any(axis=1), value, 0.0)
        error = np.zeros(value.shape)
        silent = np.logical_not(np.any(there, axis=1, keepdims=True))[:, 0]
    else:
        value, size = given.sum(axis=1), np.abs(given).sum(axis=1)
        error = np.maximum(leaves.shape[1] - 1, 0) * unit * size
        if how == "AVERAGE":
            count = max(1, leaves.shape[1])
            error = error / count + 5 * unit * size / count
            value = value / count
    if base is not None and base.size:
        value = value + base
        error = error + unit * (np.abs(value) + np.abs(base))
    sure = np.all(certain, axis=1, keepdims=True)
    error = np.where(sure, error, np.inf)
    return unsaid(step.rounded(value, error, dtype), silent)


def spoken(x: Pair, trees: Forest) -> Array:
    """Which targets some leaf of a row speaks for."""
    numbers = np.asarray(x.value, np.float64).reshape(-1, np.shape(x.value)[-1])
    leaves, _ = trees.leaves(numbers, np.zeros(numbers.shape))
    return np.asarray(np.any(trees.present[leaves], axis=1))


@rule("TreeEnsemble", source=SOURCE, domain=AI_ONNX_ML, since=5)
def tree_ensemble(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Scores of all targets, aggregated and transformed."""
    how = AGGREGATES[int(step.attributes["aggregate_function"])]
    scores = aggregated(step, needed(inputs), forest_5(step.attributes), how, None)
    return [transformed(step, scores, TRANSFORMS[int(step.attributes["post_transform"])])]


@rule("TreeEnsembleRegressor", source=SOURCE, domain=AI_ONNX_ML)
def tree_regressor(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Scores of all targets; base values are added to the aggregate."""
    attributes = step.attributes
    trees = forest(attributes, "target", int(attributes["n_targets"]))
    how, base = str(attributes["aggregate_function"]), _array(attributes, "base_values")
    scores = aggregated(step, needed(inputs), trees, how, base)
    return [transformed(step, scores, str(attributes["post_transform"]))]


@rule("TreeEnsembleClassifier", source=SOURCE, domain=AI_ONNX_ML)
def tree_classifier(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The class of the largest score, and all scores."""
    attributes = step.attributes
    classes = attributes.get("classlabels_int64s") or attributes["classlabels_strings"]
    trees = forest(attributes, "class", len(classes))
    base = _array(attributes, "base_values")
    scores = aggregated(step, needed(inputs), trees, "SUM", base)
    transform = str(attributes["post_transform"])
    if len(set(attributes["class_ids"])) == 1:
        scores = _two_sided(step, scores, transform)
        if (trees.weights < 0).any() or len(classes) != 2 or base is not None:
            scores = scores.unknown()
    scores = transformed(step, scores, transform)
    if len(classes) == 2:
        lonely = np.logical_not(np.all(spoken(needed(inputs), trees), axis=1, keepdims=True))
        label = unlabelled(labelled(scores, classes), lonely.ravel())
        return [label, unsaid(scores, np.repeat(lonely, 2, axis=1))]
    if len(classes) == 1:
        return [labelled(scores.unknown(), classes * scores.value.shape[1]), scores.unknown()]
    return [labelled(scores, classes), scores]


def _two_sided(step: Step, scores: Pair, transform: str) -> Pair:
    """Two columns of a single one."""
    right = scores.moved(lambda array: array[:, :1])
    plain = transform in ("NONE", "PROBIT")
    left = step.rounded((1.0 if plain else 0.0) - right.value, right.errors(), right.dtype)
    value = np.concatenate([left.value, right.value], axis=1)
    return Pair(value, np.concatenate([left.errors(), right.errors()], axis=1), right.dtype)

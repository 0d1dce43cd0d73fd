"""ai.onnx.ml, optimisers and random numbers: what a right device may return, and what not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]

SEEDS = st.integers(0, 2**32 - 1)
ML = "ai.onnx.ml"
TRAINING = "ai.onnx.preview.training"
F = np.float32


def numbers(seed: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_scaler_subtracts_first(bounds_of: Bounds) -> None:
    x, offset, scale = numbers(1, (4, 3)), numbers(2, (3,)), numbers(3, (3,))
    parameters = {"offset": offset.tolist(), "scale": scale.tolist()}
    bounded = bounds_of("Scaler", [x], domain=ML, **parameters)
    assert bounded.accepts((x - offset) * scale)
    assert not bounded.accepts(x * scale - offset)


@pytest.mark.parametrize("norm", ["L1", "L2", "MAX"])
def test_each_row_is_divided_by_its_norm_unless_that_is_zero(
    bounds_of: Bounds, norm: str
) -> None:
    x = np.abs(numbers(1, (4, 30)))
    x[2] = 0
    table = {"L1": x.sum(1), "L2": np.sqrt((x * x).sum(1)), "MAX": x.max(1)}
    below = np.where(table[norm] == 0, F(1), table[norm])[:, None]
    bounded = bounds_of("Normalizer", [x], domain=ML, norm=norm)
    assert bounded.accepts(x / below)
    assert not bounded.accepts(x / below * F(1.0001))


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_no_order_of_a_linear_regression_is_accused(bounds_of: Bounds, seed: int) -> None:
    x, weights, bias = (
        numbers(seed, (3, 40)),
        numbers(seed + 1, (2, 40)),
        numbers(seed + 2, (2,)),
    )
    total: Array = np.zeros((3, 2), np.float32)
    for k in np.random.default_rng(seed).permutation(40):
        total = np.add(total, x[:, k : k + 1] * weights[:, k])
    parameters = {"coefficients": weights.ravel().tolist(), "intercepts": bias.tolist()}
    bounded = bounds_of("LinearRegressor", [x], domain=ML, targets=2, **parameters)
    assert bounded.accepts(total + bias)
    assert not bounded.accepts(total)


def test_a_linear_classifier_has_probabilities_and_a_label(bounds_of: Bounds) -> None:
    x, weights = numbers(1, (6, 5)), numbers(2, (3, 5))
    scores = x @ weights.T
    powers = np.exp(scores - scores.max(1, keepdims=True))
    labels = np.array([10, 20, 30])[scores.argmax(1)]
    bounded = bounds_of(
        "LinearClassifier", [x], domain=ML, outputs=2, post_transform="SOFTMAX",
        coefficients=weights.ravel().tolist(), intercepts=[0.0] * 3,
        classlabels_ints=[10, 20, 30],
    )  # fmt: skip
    assert bounded.accepts(labels)
    assert bounded.accepts(powers / powers.sum(1, keepdims=True), 1)
    assert not bounded.accepts(np.roll(labels, 1))
    assert not bounded.accepts(scores, 1)


def test_a_label_that_rounding_may_change_is_either_one(bounds_of: Bounds) -> None:
    x = np.array([[1 / 3, 1 / 7]], np.float32)
    weights = [3.0, 7.0, 7.0, 3.0000002384185791015625, 3.0, 7.0]
    bounded = bounds_of(
        "LinearClassifier", [x], domain=ML, outputs=2, post_transform="NONE",
        coefficients=weights, intercepts=[0.0] * 3, classlabels_ints=[1, 2, 3],
    )  # fmt: skip
    assert bounded.accepts(np.array([2]))
    assert not bounded.accepts(np.array([1]))
    x = np.array([[1 / 3, 1 / 3]], np.float32)
    bounded = bounds_of(
        "LinearClassifier", [x], domain=ML, outputs=2, post_transform="NONE",
        coefficients=weights, intercepts=[0.0] * 3, classlabels_ints=[1, 2, 3],
    )  # fmt: skip
    assert all(bounded.accepts(np.array([k])) for k in (1, 2, 3))
    assert bounded.pair.ambiguous == 1


KERNELS: dict[str, Callable[[Array, Array], Array]] = {
    "LINEAR": lambda x, v: x @ v.T,
    "POLY": lambda x, v: (x @ v.T * F(0.5) + F(0.25)) ** F(3),
    "RBF": lambda x, v: np.exp(-F(0.5) * ((x[:, None] - v[None]) ** 2).sum(2)),
    "SIGMOID": lambda x, v: np.tanh(x @ v.T * F(0.5) + F(0.25)),
}


@pytest.mark.parametrize("kind", sorted(KERNELS))
def test_support_vectors_are_weighed_by_their_kernel(bounds_of: Bounds, kind: str) -> None:
    x, vectors, weights = numbers(1, (4, 3)), numbers(2, (5, 3)), numbers(3, (5,))
    got = KERNELS[kind](x, vectors) @ weights + F(0.125)
    bounded = bounds_of(
        "SVMRegressor", [x], domain=ML, kernel_type=kind, kernel_params=[0.5, 0.25, 3.0],
        support_vectors=vectors.ravel().tolist(), coefficients=weights.tolist(),
        n_supports=5, rho=[0.125],
    )  # fmt: skip
    assert bounded.accepts(got[:, None])
    assert not bounded.accepts(got[:, None] - F(0.25))


def test_classes_win_duels_of_support_vectors(bounds_of: Bounds) -> None:
    x, vectors, weights = numbers(1, (6, 3)), numbers(2, (5, 3)), numbers(3, (2, 5))
    kernels = x @ vectors.T
    parts = [slice(0, 2), slice(2, 3), slice(3, 5)]
    columns: list[Array] = []
    votes = np.zeros((6, 3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        score = kernels[:, parts[i]] @ weights[j - 1, parts[i]]
        score = score + kernels[:, parts[j]] @ weights[i, parts[j]]
        columns.append(score)
        votes[:, i] += score > 0
        votes[:, j] += score <= 0
    bounded = bounds_of(
        "SVMClassifier", [x], domain=ML, outputs=2, kernel_type="LINEAR", rho=[0.0] * 3,
        support_vectors=vectors.ravel().tolist(), coefficients=weights.ravel().tolist(),
        vectors_per_class=[2, 1, 2], classlabels_ints=[7, 8, 9],
    )  # fmt: skip
    labels = np.array([7, 8, 9])[votes.argmax(1)]
    assert bounded.accepts(labels)
    assert bounded.accepts(np.stack(columns, 1), 1)
    assert not bounded.accepts(labels[::-1])


TREES: dict[str, Any] = {
    "nodes_treeids": [0, 0, 0, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 0, 1, 2],
    "nodes_featureids": [0, 0, 0, 1, 0, 0],
    "nodes_values": [0.5, 0.0, 0.0, -0.5, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0, 1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0, 2, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_GT", "LEAF", "LEAF"],
    "nodes_missing_value_tracks_true": [1, 0, 0, 0, 0, 0],
}
ROWS = np.array([[0.5, -0.5], [0.75, 0.0], [np.nan, np.nan]], np.float32)


def votes_of(kind: str) -> dict[str, Any]:
    return {
        f"{kind}_treeids": [0, 0, 1, 1],
        f"{kind}_nodeids": [1, 2, 1, 2],
        f"{kind}_ids": [0, 0, 0, 0] if kind == "target" else [0, 1, 2, 0],
        f"{kind}_weights": [0.1, 0.2, 1.5, 2.5],
    }


@pytest.mark.parametrize("how", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_leaves_of_trees_are_aggregated(bounds_of: Bounds, how: str) -> None:
    leaves = np.array([[0.1, 2.5], [0.2, 1.5], [0.1, 2.5]], np.float32)
    table = {"SUM": leaves.sum(1), "AVERAGE": leaves.mean(1), "MIN": leaves.min(1)}
    got = table.get(how, leaves.max(1))[:, None]
    parameters = {**TREES, **votes_of("target"), "n_targets": 1, "aggregate_function": how}
    bounded = bounds_of("TreeEnsembleRegressor", [ROWS], domain=ML, **parameters)
    assert bounded.accepts(got)
    assert not bounded.accepts(got[[1, 0, 2]])


def test_a_row_whose_split_is_unsure_is_unknown(bounds_of: Bounds) -> None:
    unsure = Pair(ROWS.astype(np.float64), np.full((3, 2), 0.01), "float32")
    parameters = {**TREES, **votes_of("target"), "n_targets": 1}
    bounded = bounds_of("TreeEnsembleRegressor", [unsure], domain=ML, **parameters)
    assert np.isinf(bounded.pair.errors()[0, 0])
    assert np.isfinite(bounded.pair.errors()[1, 0])


def test_a_forest_labels_the_class_of_the_largest_score(bounds_of: Bounds) -> None:
    parameters = {**TREES, **votes_of("class"), "classlabels_strings": ["a", "b", "c"]}
    bounded = bounds_of("TreeEnsembleClassifier", [ROWS], domain=ML, outputs=2, **parameters)
    assert bounded.accepts(np.array(["a", "c", "a"], object))
    assert not bounded.accepts(np.array(["a", "b", "a"], object))
    scores = np.array([[2.6, 0, 0], [0, 0.2, 1.5], [2.6, 0, 0]], np.float32)
    assert bounded.accepts(scores, 1)


def test_members_of_a_set_choose_a_branch(bounds_of: Bounds) -> None:
    tensors: dict[str, Array] = {
        "nodes_splits": np.array([0.0, 2.0], np.float32),
        "nodes_modes": np.array([6, 6], np.uint8),
        "membership_values": np.array([0, 3, np.nan, 5, np.nan], np.float32),
        "leaf_weights": np.array([1, 2, 4], np.float32),
    }
    bounded = bounds_of(
        "TreeEnsemble", [np.array([[0], [3], [5], [7]], np.float32)], domain=ML, n_targets=1,
        tree_roots=[0], nodes_featureids=[0, 0], nodes_truenodeids=[0, 1],
        nodes_trueleafs=[1, 1], nodes_falsenodeids=[1, 2], nodes_falseleafs=[0, 1],
        leaf_targetids=[0, 0, 0], **{k: numpy_helper.from_array(v) for k, v in tensors.items()},
    )  # fmt: skip
    assert bounded.accepts(np.array([[1], [1], [2], [4]], np.float32))
    assert not bounded.accepts(np.array([[4], [1], [2], [4]], np.float32))


def test_what_only_moves_or_selects_is_exact(bounds_of: Bounds) -> None:
    x = np.array([[1.5, np.nan, 3.0]], np.float32)
    imputed = bounds_of(
        "Imputer", [x], domain=ML, imputed_value_floats=[9.0], replaced_value_float=float("nan")
    )
    assert imputed.accepts(np.array([[1.5, 9.0, 3.0]], np.float32))
    assert not imputed.accepts(np.array([[1.5, 0.0, 3.0]], np.float32))
    index = np.array([2, 0])
    assert bounds_of("ArrayFeatureExtractor", [x, index], domain=ML).accepts(
        np.array([[3.0, 1.5]], np.float32)
    )
    above = bounds_of("Binarizer", [x[:, :1]], domain=ML, threshold=1.5)
    assert above.accepts(np.array([[0.0]], np.float32))
    joined = bounds_of("FeatureVectorizer", [x, x], domain=ML, inputdimensions=[3, 3])
    assert joined.accepts(np.concatenate([x, x], 1))


def test_dictionaries_know_nan_and_keep_the_last_of_equal_keys(bounds_of: Bounds) -> None:
    x = np.array([1.5, np.nan, 2.5, 7.0], np.float32)
    bounded = bounds_of(
        "LabelEncoder", [x], domain=ML, keys_floats=[1.5, float("nan"), 2.5, 2.5],
        values_strings=["a", "b", "c", "d"], default_string="none",
    )  # fmt: skip
    assert bounded.accepts(np.array(["a", "b", "d", "none"], object))
    assert not bounded.accepts(np.array(["a", "none", "d", "none"], object))
    words = np.array(["dog", "cow"], object)
    mapped = bounds_of(
        "CategoryMapper", [words], domain=ML, cats_strings=["cat", "dog"], cats_int64s=[3, 4]
    )
    assert mapped.accepts(np.array([4, -1]))
    assert not mapped.accepts(np.array([3, -1]))


def test_what_the_standard_does_not_say_is_free_and_the_rest_is_judged(
    bounds_of: Bounds,
) -> None:
    x = np.array([[1.0, -4.0], [3.0, 2.0]], np.float32)
    bounded = bounds_of("Normalizer", [x], domain=ML, norm="MAX")
    assert bounded.pair.ambiguous == 2
    assert bounded.accepts(np.array([[0.25, -1.0], [1.0, 2 / 3]], np.float32))
    assert bounded.accepts(np.array([[1.0, -4.0], [1.0, 2 / 3]], np.float32))
    assert not bounded.accepts(np.array([[1.0, -4.0], [1.0, 0.5]], np.float32))
    weights = [1.0, 0.5]
    binary = bounds_of(
        "LinearClassifier", [x], domain=ML, outputs=2, post_transform="NONE",
        coefficients=weights, intercepts=[0.0], classlabels_ints=[0, 1],
    )  # fmt: skip
    assert binary.others[0].accepts is not None
    free = np.array([[7.0, -1.0], [8.0, 4.0]], np.float32)
    assert binary.others[0].accepts(free).all()
    assert not binary.others[0].accepts(free + np.float32(1)).all()


def adam(x: Array, g: Array, v: Array, h: Array) -> list[Array]:
    """The second update, in float32."""
    alpha, beta, rate = F(0.9), F(0.95), F(0.1)
    g = F(0.01) * x + g
    v = alpha * v + (F(1) - alpha) * g
    h = beta * h + (F(1) - beta) * (g * g)
    speed = rate * np.sqrt(F(1) - beta**2) / (F(1) - alpha**2)
    return [x - speed * (v / (np.sqrt(h) + F(1e-3))), v, h]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_adam_in_float32_is_not_accused(bounds_of: Bounds, seed: int) -> None:
    x, g, v = (numbers(seed + k, (7,)) for k in range(3))
    h = np.abs(numbers(seed + 3, (7,)))
    bounded = bounds_of(
        "Adam", [np.array(0.1, F), np.array(2), x, g, v, h], domain=TRAINING, outputs=3,
        alpha=0.9, beta=0.95, epsilon=1e-3, norm_coefficient=0.01,
    )  # fmt: skip
    for k, result in enumerate(adam(x, g, v, h)):
        assert bounded.accepts(result, k)
    assert not bounded.accepts(x - F(0.1) * v / (np.sqrt(h) + F(1e-3)))


@pytest.mark.parametrize("mode", ["standard", "nesterov"])
def test_momentum_counts_the_first_gradient_fully(bounds_of: Bounds, mode: str) -> None:
    x, g, v = (numbers(k, (7,)) for k in range(3))
    moved = F(0.9) * v + g
    along = g + F(0.9) * moved if mode == "nesterov" else moved
    bounded = bounds_of(
        "Momentum", [np.array(0.1, F), np.array(0), x, g, v], domain=TRAINING, outputs=2,
        alpha=0.9, beta=0.5, mode=mode, norm_coefficient=0.0,
    )  # fmt: skip
    assert bounded.accepts(x - F(0.1) * along)
    assert bounded.accepts(moved, 1)
    assert not bounded.accepts(x - F(0.1) * (along + g))


def test_adagrad_slows_down_with_each_update(bounds_of: Bounds) -> None:
    x, g, h = numbers(0, (7,)), numbers(1, (7,)), np.abs(numbers(2, (7,)))
    state = h + g * g
    got = x - F(0.1) / (F(1) + F(3) * F(0.5)) * g / (np.sqrt(state) + F(1e-3))
    bounded = bounds_of(
        "Adagrad", [np.array(0.1, F), np.array(3), x, g, h], domain=TRAINING, outputs=2,
        decay_factor=0.5, epsilon=1e-3, norm_coefficient=0.0,
    )  # fmt: skip
    assert bounded.accepts(got)
    assert bounded.accepts(state, 1)
    assert not bounded.accepts(x - F(0.1) * g / (np.sqrt(state) + F(1e-3)))


def test_random_numbers_are_judged_by_their_range_alone(bounds_of: Bounds) -> None:
    bounded = bounds_of("RandomUniform", [], shape=[3], low=2.0, high=4.0)
    assert bounded.accepts(np.array([2, 3, 3.999], np.float32))
    assert not bounded.accepts(np.array([2, 3, 4.5], np.float32))
    normal = bounds_of("RandomNormal", [], shape=[3])
    assert np.isinf(normal.pair.errors()).all()
    coin = bounds_of("Bernoulli", [np.array([0.0, 0.5, 1.0], np.float32)])
    assert coin.accepts(np.array([0, 1, 1], np.float32))
    assert not coin.accepts(np.array([1, 1, 1], np.float32))
    assert not coin.accepts(np.array([0, 0.5, 1], np.float32))
    drawn = bounds_of("Multinomial", [numbers(1, (1, 3))], sample_size=2)
    assert drawn.accepts(np.array([[0, 2]], np.int32))
    assert not drawn.accepts(np.array([[0, 3]], np.int32))


def test_dropout_is_the_identity_unless_training(bounds_of: Bounds) -> None:
    x = numbers(1, (5,))
    still = bounds_of("Dropout", [x], outputs=2)
    assert still.accepts(x)
    assert still.accepts(np.ones(5, bool), 1)
    assert not still.accepts(x * 2)
    trained = bounds_of("Dropout", [x, np.array(0.75, F), np.array(True)])
    assert trained.accepts(np.where([True, False, True, True, False], x / F(0.25), F(0)))
    assert not trained.accepts(x)

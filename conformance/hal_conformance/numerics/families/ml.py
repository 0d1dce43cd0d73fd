"""ai.onnx.ml without its trees: linear models, support vectors, scalers, and the exact ones.

Inputs of any numeric type are cast to float32 (doubles may be computed in either), attributes
are float32, results are float32. The text of Normalizer divides by the largest value of a row,
the reference evaluator by the largest size: either is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from hal_conformance.numerics.algebra import (
    allowed,
    constant,
    exponential,
    joined,
    minus,
    monotone,
    one_of,
    over,
    plus,
    root,
    times,
)
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import (
    JEANNEROD_RUMP,
    contract,
    held,
    needed,
    total,
)
from hal_conformance.numerics.families.scores import (
    AI_ONNX_ML,
    labelled,
    logistic,
    transformed,
    unsaid,
)
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

EXACT = "ai.onnx.ml: moves, selects or counts; nothing is rounded"


def as_float32(step: Step, x: Pair) -> Pair:
    """A numeric input as float32: rounded where it has more bits."""
    value = np.asarray(x.value, np.float64)
    near = value.astype(np.float32).astype(np.float64)
    if np.array_equal(near, value, equal_nan=True):
        return Pair(value, x.error, "float32")
    return step.rounded(value, x.errors(), "float32")


def parameters(attributes: Any, name: str, shape: tuple[int, ...]) -> Pair:
    """A list of floats as an exact pair."""
    return Pair(np.asarray(attributes[name], np.float64).reshape(shape), None, "float32")


@rule("Scaler", source="IEEE 754: a difference and a product", domain=AI_ONNX_ML)
def scaler(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """(x - offset) scale, one of each or one a feature."""
    x = as_float32(step, needed(inputs))
    offset = parameters(step.attributes, "offset", (-1,))
    factor = parameters(step.attributes, "scale", (-1,))
    return [times(step, minus(step, held(step, x), offset), factor)]


@rule("Normalizer", source="sums (n - 1) u; OpenCL C 3.0: sqrt 3, / 2.5 ULP", domain=AI_ONNX_ML)
def normalizer(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Each row over its largest value, the sum of its sizes, or its length."""
    x = held(step, as_float32(step, needed(inputs)))
    size = replace(x, value=np.abs(x.value))
    norm = str(step.attributes["norm"])
    if norm == "MAX":
        below = size.moved(lambda array: array.max(axis=-1, keepdims=True))
    elif norm == "L1":
        below = total(step, size, (np.ndim(x.value) - 1,), keepdims=True)
    else:
        below = root(
            step, total(step, times(step, x, x), (np.ndim(x.value) - 1,), keepdims=True)
        )
    result = over(step, x, below)
    zero = below.value == 0
    value = np.where(zero, x.value, result.value)
    error = np.where(zero, 0.0, result.errors())
    made = Pair(value, error, "float32")
    if norm != "MAX":
        return [made]
    largest = x.moved(lambda array: array.max(axis=-1, keepdims=True))
    signed = over(step, x, largest)
    zero = largest.value == 0
    value = np.where(zero, x.value, signed.value)
    error = np.where(zero, 0.0, signed.errors())
    return [one_of([made, Pair(value, error, "float32")])]


def _matrix(x: Pair) -> Pair:
    return x.moved(lambda array: array.reshape(1, -1)) if np.ndim(x.value) == 1 else x


def _linear(step: Step, x: Pair, targets: int) -> Pair:
    """x times the coefficients of each target, plus its intercept."""
    weights = parameters(step.attributes, "coefficients", (targets, -1))
    scores = contract(step, x, weights, "nk,tk->nt")
    if step.attributes.get("intercepts"):
        scores = plus(step, scores, parameters(step.attributes, "intercepts", (1, -1)))
    return scores


@rule("LinearRegressor", source=JEANNEROD_RUMP, domain=AI_ONNX_ML)
def linear_regressor(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One dot product a target."""
    x = _matrix(as_float32(step, needed(inputs)))
    scores = _linear(step, x, int(step.attributes["targets"]))
    return [transformed(step, scores, str(step.attributes["post_transform"]))]


@rule("LinearClassifier", source=JEANNEROD_RUMP, domain=AI_ONNX_ML)
def linear_classifier(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The class of the largest score, and all scores.

    One row of coefficients for two classes scores the second; the first then scores -s, which
    the standard does not say: its column is unknown unless LOGISTIC makes it 1 - p.
    """
    attributes = step.attributes
    classes = attributes.get("classlabels_ints") or attributes.get("classlabels_strings")
    x = _matrix(as_float32(step, needed(inputs)))
    columns = np.shape(x.value)[1]
    targets = len(attributes["coefficients"]) // max(1, columns)
    scores, transform = _linear(step, x, targets), str(attributes["post_transform"])
    classes = classes or list(range(targets))
    if targets == 1 and len(classes) == 2:
        scores = joined([replace(scores, value=-scores.value), scores], 1)
        label = labelled(scores, classes)
        made = transformed(step, scores, transform)
        silent = np.zeros(np.shape(made.value), bool)
        silent[:, 0] = transform != "LOGISTIC"
        return [label, unsaid(made, silent)]
    made = transformed(step, scores, transform)
    if targets == 1:
        return [labelled(scores.unknown(), [*classes, *classes]), made]
    return [labelled(made, classes), made]


def kernel(step: Step, x: Pair, vectors: Pair) -> Pair:
    """The kernel of each row with each support vector."""
    kind = str(step.attributes["kernel_type"])
    given = [float(v) for v in step.attributes.get("kernel_params") or (0.0, 0.0, 0.0)]
    gamma, constant_, degree = (constant(value, "float32") for value in given)
    if kind == "RBF":
        apart = minus(
            step, x.moved(lambda v: v[:, None, :]), vectors.moved(lambda v: v[None, :, :])
        )
        distance = total(step, times(step, apart, apart), (2,))
        exponent = times(step, replace(gamma, value=-gamma.value), distance)
        return exponential(step, exponent)
    product = contract(step, x, vectors, "nk,vk->nv")
    if kind == "LINEAR":
        return product
    moved = plus(step, times(step, product, gamma), constant_)
    if kind == "SIGMOID":
        return monotone(step, moved, np.tanh, allowed(step, "Tanh", "float32"))
    return _power(step, moved, int(degree.value))


def _power(step: Step, base: Pair, degree: int) -> Pair:
    """A whole power: pow, or products one after another."""
    with np.errstate(all="ignore"):
        value = base.value**degree
        high = (np.abs(base.value) + base.errors()) ** degree
        error = high - np.abs(value)
    return step.rounded(value, error, "float32", max(allowed(step, "Pow", "float32"), degree))


def _support(step: Step, count: int) -> Pair:
    return parameters(step.attributes, "support_vectors", (count, -1))


@rule(
    "SVMRegressor", source=JEANNEROD_RUMP + "; exp, tanh, pow: OpenCL C 3.0", domain=AI_ONNX_ML
)
def svm_regressor(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Coefficients times kernels, plus rho; its sign for one class."""
    x, count = _matrix(as_float32(step, needed(inputs))), int(step.attributes["n_supports"])
    if count:
        weights = parameters(step.attributes, "coefficients", (count,))
        scores = contract(step, kernel(step, x, _support(step, count)), weights, "nv,v->n")
    else:
        weights = parameters(step.attributes, "coefficients", (-1,))
        scores = contract(step, x, weights, "nk,k->n")
    rho = constant(float(step.attributes["rho"][0]), "float32")
    scores = plus(step, scores, rho).moved(lambda array: array[:, None])
    if step.attributes["one_class"]:
        sign = np.where(scores.value > 0, 1.0, -1.0)
        doubt = np.where(np.abs(scores.value) <= scores.errors(), 2.0, 0.0)
        return [Pair(sign, doubt, "float32")]
    return [transformed(step, scores, str(step.attributes["post_transform"]))]


@rule(
    "SVMClassifier", source=JEANNEROD_RUMP + "; exp, tanh, pow: OpenCL C 3.0", domain=AI_ONNX_ML
)
def svm_classifier(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One against one: a score for each pair of classes, and the class most of them choose.

    Two classes with probabilities give the pair of them. What the standard does not say is
    unknown, but for shapes and types: two classes without, which share one score; the
    probabilities of several, which the evaluator and runtimes compute differently; and models
    without support vectors.
    """
    attributes = step.attributes
    classes = attributes.get("classlabels_ints") or attributes["classlabels_strings"]
    counts = [int(n) for n in attributes.get("vectors_per_class") or ()]
    sure = bool(attributes.get("prob_a")) and bool(attributes.get("prob_b"))
    if not counts or sure != (len(classes) == 2):
        return _silent(needed(inputs), classes)
    x = _matrix(as_float32(step, needed(inputs)))
    kernels = kernel(step, x, _support(step, sum(counts)))
    scores = _duels(step, kernels, counts)
    label = _voted(scores, classes)
    if sure:
        scores = _both_probabilities(step, scores)
    return [label, transformed(step, scores, str(attributes["post_transform"]))]


_TOLERANCE, _SURE = 0.005, 1e-7
"""Of libsvm (Wu, Lin and Weng, JMLR 5, 2004): two probabilities are coupled by an iteration
that stops at residuals of 0.005 / 2, each of which moves a probability by as much; 1e-7 is the
least probability."""


def _both_probabilities(step: Step, scores: Pair) -> Pair:
    """1 / (1 + exp(a s + b)) for the first class, the rest for the second."""
    slope, offset = (parameters(step.attributes, name, (1, 1)) for name in ("prob_a", "prob_b"))
    exponent = plus(step, times(step, scores, slope), offset)
    first = logistic(step, replace(exponent, value=-exponent.value))
    first = first.moved(lambda array: np.clip(array, _SURE, 1 - _SURE))
    value = np.concatenate([first.value, 1 - first.value], axis=1)
    error = np.concatenate([first.errors()] * 2, axis=1) + _TOLERANCE
    return Pair(value, error, "float32")


def _silent(x: Pair, classes: Any) -> list[Quantity]:
    """Labels and scores of which the standard says nothing but their types."""
    rows = len(_matrix(x).value)
    kind = "string" if isinstance(classes[0], str) else "int64"
    labels = np.array([classes[0]] * rows, object if kind == "string" else np.int64)
    scores = Pair(np.zeros((rows, len(classes))), None, "float32")
    return [Pair(labels, None, kind).unknown(), scores.unknown()]


def _duels(step: Step, kernels: Pair, counts: Sequence[int]) -> Pair:
    """rho + both classes' support vectors, for each pair of classes."""
    weights = parameters(step.attributes, "coefficients", (-1, sum(counts)))
    ends = [sum(counts[:k]) for k in range(len(counts) + 1)]
    spans = [slice(start, end) for start, end in pairwise(ends)]
    columns: list[Pair] = []
    for i, first in enumerate(spans):
        for j, second in enumerate(spans[i + 1 :], i + 1):
            both = np.concatenate([weights.value[j - 1, first], weights.value[i, second]])
            used = joined([kernels.moved(_columns(first)), kernels.moved(_columns(second))], 1)
            dot = contract(step, used, Pair(both, None, "float32"), "nv,v->n")
            rho = constant(float(step.attributes["rho"][len(columns)]), "float32")
            columns.append(plus(step, dot, rho).moved(lambda array: array[:, None]))
    return joined(columns, 1)


def _columns(which: slice) -> Callable[[Array], Array]:
    return lambda array: np.asarray(array[:, which])


def _voted(scores: Pair, classes: Any) -> Pair:
    """The class that wins most duels; unknown where a duel is undecided."""
    number = len(classes)
    votes = np.zeros((len(scores.value), number))
    at = 0
    for i in range(number):
        for j in range(i + 1, number):
            won = scores.value[:, at] > 0
            votes[:, i] += won
            votes[:, j] += ~won
            at += 1
    decided = (np.abs(scores.value) > scores.errors()).all(axis=1)
    made = labelled(Pair(votes, None, "float32"), classes)
    if decided.all():
        return made
    return replace(made, error=np.where(decided, 0.0, np.inf))


@rule("ArrayFeatureExtractor", "Imputer", "OneHotEncoder", source=EXACT, domain=AI_ONNX_ML)
def exactly(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """What the reference gives; unknown where an input is not exact."""
    given = [value for value in inputs if isinstance(value, Pair)]
    plain = [_typed(pair) for pair in given]
    exact = all(pair.is_exact for pair in given)
    made = [Pair.exact(np.asarray(result)) for result in step.reference(plain)]
    return [pair if exact else pair.unknown() for pair in made]


def _typed(pair: Pair) -> Array:
    """The values in the tensor's own type, which decides the type of the result."""
    if pair.dtype in ("float32", "float16"):
        return pair.value.astype(pair.dtype)
    return pair.value


@rule("Binarizer", source=EXACT, domain=AI_ONNX_ML)
def binarizer(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """1 above the threshold, else 0; either where an error straddles it."""
    x, threshold = needed(inputs), float(step.attributes["threshold"])
    value = (x.value > threshold).astype(x.value.dtype)
    if x.error is None:
        return [Pair(value, None, x.dtype)]
    doubt = np.abs(x.value - threshold) <= x.error
    return [Pair(value, np.where(doubt, 1.0, 0.0), x.dtype, None, int(doubt.sum()))]


@rule("FeatureVectorizer", source="IEEE 754: conversions round once", domain=AI_ONNX_ML)
def feature_vectorizer(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Features of all inputs side by side, as float32."""
    pairs = [_matrix(as_float32(step, needed(inputs, k))) for k in range(len(inputs))]
    widths = step.attributes.get("inputdimensions") or [np.shape(p.value)[1] for p in pairs]
    cut = [p.moved(_columns(slice(0, int(n)))) for p, n in zip(pairs, widths, strict=True)]
    return [held(step, joined(cut, 1))]

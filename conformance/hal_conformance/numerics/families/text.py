"""Text: exact, and by the standard's reference unless it does more than its document says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from hal_conformance.numerics.algebra import one_of
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import undefined


@rule("StringNormalizer", source="ONNX StringNormalizer-10; the reference also strips accents")
def normalize(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Stopwords go, the case changes; one empty string where nothing is left."""
    (data,) = inputs
    if not isinstance(data, Pair):
        raise TypeError("StringNormalizer needs a tensor")
    given: list[str] = step.attributes.get("stopwords") or []
    exact = bool(step.attributes.get("is_case_sensitive", 0))
    stopwords = set(given) if exact else {word.lower() for word in given}
    words = [str(word) for word in data.value.ravel()]
    left = [word for word in words if (word if exact else word.lower()) not in stopwords]
    change = step.attributes.get("case_change_action", "NONE")
    if change != "NONE":
        left = [word.lower() if change == "LOWER" else word.upper() for word in left]
    made = np.array(left or [""], dtype=object)
    return [Pair(made if np.ndim(data.value) == 1 else made[None], None, "string")]


@rule("StringSplit", source="ONNX StringSplit-20, and its reference where they differ")
def split(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Two places where the document and the reference, which is Python's split, differ.

    Without a delimiter and after the last split, the document removes trailing whitespace. How
    many pieces an empty text has between delimiters, one or none, the document does not say.
    """
    data = inputs[0]
    if not isinstance(data, Pair):
        raise TypeError("StringSplit needs a tensor")
    pieces, counts = (Pair.exact(np.asarray(r)) for r in step.reference([data.value]))
    if step.attributes.get("delimiter"):
        empty = (data.value == "") & (counts.value == 1)
        return [pieces, undefined(counts, empty, lambda got: got == 0)]
    return [_stripped(pieces), counts]


def _stripped(pieces: Pair) -> Pair:
    words = pieces.value
    bare = np.array([str(word).rstrip() for word in words.ravel()], object).reshape(words.shape)
    return one_of([pieces, replace(pieces, value=bare)])


@rule(
    "StringConcat",
    "RegexFullMatch",
    source="ONNX operator documents: text is exact",
)
def text(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Text from text."""
    values = [value.value if isinstance(value, Pair) else None for value in inputs]
    made = [np.asarray(result) for result in step.reference(values)]
    return [Pair.exact(a.astype(object) if a.dtype.kind in "UT" else a) for a in made]


@rule("TfIdfVectorizer", source="ONNX TfIdfVectorizer: counts, times weights")
def weights(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Counts are exact; a product with a weight is rounded once."""
    (data,) = inputs
    if not isinstance(data, Pair):
        raise TypeError("TfIdfVectorizer needs a tensor")
    attributes = step.attributes
    pool: list[Any] = attributes.get("pool_int64s") or attributes.get("pool_strings") or []
    starts = [*attributes["ngram_counts"], len(pool)]
    known: dict[tuple[Any, ...], int] = {}
    for size, (low, high) in enumerate(pairwise(starts), 1):
        for at in range(low, high, size):
            known[tuple(pool[at : at + size])] = len(known)
    places = np.asarray(attributes["ngram_indexes"], np.int64)
    rows = data.value if np.ndim(data.value) == 2 else data.value[None]
    counts = np.zeros((len(rows), len(places)))
    for row, number in zip(rows.tolist(), counts, strict=True):
        for gram in _grams(row, attributes):
            if gram in known:
                number[known[gram]] += 1
    factors = np.asarray(attributes.get("weights") or np.ones(len(places)), np.float64)
    mode = str(attributes["mode"])
    numbers = np.minimum(counts, 1.0) if mode == "IDF" else counts
    made = np.zeros((len(rows), int(places.max(initial=-1)) + 1))
    # By place in the pool, as the document says; the reference weighs by place in the result.
    made[:, places] = numbers if mode == "TF" else numbers * factors
    made = made if np.ndim(data.value) == 2 else made[0]
    if mode == "TF":
        ulp = step.stored("float32").ulp(made)
        error = np.where(made % ulp == 0, 0.0, ulp)  # counts too large for the arithmetic
        return [Pair(made, error if error.any() else None, "float32")]
    return [step.rounded(made, np.zeros(made.shape), "float32")]


def _grams(row: Sequence[Any], attributes: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Every n-gram of a row, with every number of items skipped between its members."""
    for size in range(attributes["min_gram_length"], attributes["max_gram_length"] + 1):
        for skipped in range(attributes["max_skip_count"] + 1 if size > 1 else 1):
            reach = (size - 1) * (skipped + 1)
            for at in range(len(row) - reach):
                yield tuple(row[at : at + reach + 1 : skipped + 1])

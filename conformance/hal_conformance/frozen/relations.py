"""What outputs of one model owe each other, whatever the reference says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.frozen.question import Known, Question
from hal_conformance.generated.source import Relation
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity


def broken(question: Question, got: Sequence[Value], known: Known) -> str | None:
    """The first relation that does not hold, in words; None where all do."""
    values = dict(zip(question.names, got, strict=False))
    expected = dict(zip(question.names, known.expected, strict=False))
    found = (_broken(relation, values, expected) for relation in question.relations)
    return next((reason for reason in found if reason), None)


def _broken(
    relation: Relation, values: Mapping[str, Value], expected: Mapping[str, Quantity]
) -> str | None:
    left, right = values.get(relation.left), values.get(relation.right)
    both = f"{relation.left} and {relation.right}"
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return f"{both} are no tensors that could be compared"
    if left.shape != right.shape or left.dtype.name != right.dtype.name:
        return f"{both} differ in type or shape"
    if relation.kind == "same":
        wrong, word = ~_same(left, right), "must be equal"
    else:
        bounds = [expected.get(name) for name in (relation.left, relation.right)]
        wrong, word = ~_near(left, right, bounds), "lie too far apart"
    if not wrong.any():
        return None
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    index = f"[{','.join(str(int(k)) for k in place)}]" if place else ""
    seen = f"{left.array[place]!s:.40} and {right.array[place]!s:.40}"
    return f"{both} {word}: at {index or 'the only element'} they are {seen}; " + (
        f"{int(np.count_nonzero(wrong))} of {wrong.size} elements are wrong"
    )


def _same(left: Tensor, right: Tensor) -> Array:
    """Bit for bit, but that one NaN is as good as another."""
    if left.dtype.name == "string":
        return np.asarray(left.array == right.array, bool)
    shape = (*left.array.shape, left.array.dtype.itemsize)
    bits = [np.ascontiguousarray(t.array).view(np.uint8).reshape(shape) for t in (left, right)]
    equal = np.asarray((bits[0] == bits[1]).all(axis=-1), bool)
    if not left.dtype.name.startswith(("float", "bfloat")):
        return equal
    wide = [tensor.array.astype(np.float64) for tensor in (left, right)]
    return equal | (np.isnan(wide[0]) & np.isnan(wide[1]))


def _near(left: Tensor, right: Tensor, expected: Sequence[Quantity]) -> Array:
    """Within the sum of the bounds of both."""
    allowed = sum((q.errors() for q in expected if isinstance(q, Pair)), np.float64(0.0))
    a, b = (tensor.array.astype(np.float64) for tensor in (left, right))
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= allowed
    return np.asarray(near | (a == b) | (np.isnan(a) & np.isnan(b)), bool)

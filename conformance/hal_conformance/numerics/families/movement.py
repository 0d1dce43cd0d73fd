"""Movement: operators that put elements elsewhere, exactly, and their errors with them.

The standard's reference moves the values, and the errors in the same way. Where an operator
also fills (Pad, OneHot), what it fills with is taken off again: movement is affine. What says
where elements go (indices, shapes) has to be exact, or nothing is known of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import numpy_helper

from hal import dtypes
from hal_conformance.numerics.arithmetic import FORMATS, Array, Format
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule
from hal_conformance.numerics.spans import nearest, undefined

DOCUMENTS = "ONNX operator documents: elements are moved, not computed"

DATA: dict[str, tuple[int, ...]] = {
    "CenterCropPad": (0,),
    "Compress": (0,),
    "DepthToSpace": (0,),
    "Expand": (0,),
    "Flatten": (0,),
    "Gather": (0,),
    "GatherND": (0,),
    "Reshape": (0,),
    "ReverseSequence": (0,),
    "Slice": (0,),
    "SpaceToDepth": (0,),
    "Split": (0,),
    "Squeeze": (0,),
    "TensorScatter": (0, 1),
    "Tile": (0,),
    "Transpose": (0,),
    "Trilu": (0,),
}
"""Which inputs hold the elements that move; the others say where to."""


def _texts(result: Any, dtype: str) -> Array:
    """An array of the type: the evaluator fills text with the number 0, which is no text."""
    array = np.asarray(result)
    if dtype != "string":
        return array
    return np.where([isinstance(item, str) for item in array.flat], array.ravel(), "").reshape(
        array.shape
    )


def moved(step: Step, inputs: Sequence[Quantity], data: Sequence[int]) -> list[Quantity]:
    """The reference applied to values and to errors; `data` are the inputs that move."""
    pairs = [value if isinstance(value, Pair) else None for value in inputs]
    moving = [pair for k, pair in enumerate(pairs) if k in data and pair is not None]
    rest = [pair for k, pair in enumerate(pairs) if k not in data and pair is not None]
    results = step.reference([None if pair is None else pair.value for pair in pairs])
    dtype = moving[0].dtype
    made = [Pair(_texts(result, dtype), None, dtype) for result in results]
    if not all(pair.is_exact for pair in rest):
        return [pair.unknown() for pair in made]
    if all(pair.is_exact for pair in moving):
        return list(made)

    def run(of: Callable[[Pair], Array]) -> list[Any]:
        return step.reference(
            [
                None if pair is None else of(pair) if k in data else pair.value
                for k, pair in enumerate(pairs)
            ]
        )

    filled = run(lambda pair: np.zeros(np.shape(pair.value)))
    errors = run(lambda pair: pair.errors())
    return [
        Pair(pair.value, np.asarray(error) - np.asarray(zero), dtype)
        for pair, error, zero in zip(made, errors, filled, strict=True)
    ]


@rule(*DATA, source=DOCUMENTS)
def move(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Every element as it was, elsewhere."""
    return moved(step, inputs, DATA[step.op])


@rule("Concat", source=DOCUMENTS)
def concat(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """All inputs side by side."""
    return moved(step, inputs, range(len(inputs)))


@rule("Identity", source=DOCUMENTS)
def identity(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """The same tensor, sequence or optional."""
    return list(inputs[:1])


@rule("Shape", "Size", source="ONNX operator documents: shapes are exact, whatever the values")
def measured(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Nothing of the values enters."""
    (data,) = inputs
    shape = np.shape(data.value) if isinstance(data, Pair) else ()
    return [Pair.exact(np.asarray(step.reference([np.zeros(shape)])[0]))]


@rule("ConstantOfShape", source=DOCUMENTS)
def constant_of_shape(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One value everywhere."""
    (shape,) = inputs
    if not isinstance(shape, Pair):
        raise TypeError("ConstantOfShape needs a shape")
    tensor = step.attributes.get("value")
    fill = np.zeros(1, np.float32) if tensor is None else numpy_helper.to_array(tensor)
    dtype = "float32" if tensor is None else dtypes.of_number(tensor.data_type).name
    size = [int(length) for length in shape.value.ravel()]
    made = Pair.exact(np.full(size, fill.reshape(-1)[0], fill.dtype), dtype)
    return [made if shape.is_exact else made.unknown()]


@rule("Unsqueeze", source=DOCUMENTS)
def unsqueeze(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """New axes of length 1, in any order."""
    data, *rest = (value for value in inputs if isinstance(value, Pair))
    axes = rest[0].value.ravel() if rest else step.attributes["axes"]
    rank = np.ndim(data.value) + len(axes)
    new = {int(axis) % rank for axis in axes}
    lengths = iter(np.shape(data.value))
    shape = tuple(1 if axis in new else int(next(lengths)) for axis in range(rank))
    made = data.moved(lambda array: np.reshape(array, shape))
    return [made if all(pair.is_exact for pair in rest) else made.unknown()]


@rule("GatherElements", source=DOCUMENTS)
def gather_elements(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Elements whose place along one axis is given; the other axes may be cut short."""
    data, indices = (value for value in inputs if isinstance(value, Pair))
    grid: list[Array] = list(np.indices(np.shape(indices.value), sparse=True))
    grid[int(step.attributes.get("axis", 0))] = indices.value
    places = tuple(np.broadcast_arrays(*grid))
    made = data.moved(lambda array: array[places])
    return [made if indices.is_exact else made.unknown()]


@rule("OneHot", source=DOCUMENTS)
def one_hot(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """One of two values; places out of range are nowhere."""
    indices, depth, values = (value for value in inputs if isinstance(value, Pair))
    size = int(depth.value.ravel()[0])
    places = indices.value.astype(np.float64)
    places = np.where(places < 0, places + size, places)
    axis = int(step.attributes.get("axis", -1))
    axis += places.ndim + 1 if axis < 0 else 0
    shape = [size if k == axis else 1 for k in range(places.ndim + 1)]
    hot = np.asarray(np.expand_dims(places, axis) == np.arange(size).reshape(shape), np.int64)
    made = values.moved(lambda array: array[hot])
    return [made if indices.is_exact and depth.is_exact else made.unknown()]


@rule("Pad", source=DOCUMENTS)
def pad(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Places along each axis, of which some are outside: there it is the constant."""
    pairs = [
        value if isinstance(value, Pair) else None for value in [*inputs, None, None, None]
    ]
    data, widths, fill, axes = pairs[:4]
    if data is None:
        raise TypeError("Pad needs a tensor")
    rank = np.ndim(data.value)
    given = step.attributes["pads"] if widths is None else widths.value.ravel().tolist()
    named = range(rank) if axes is None else (int(axis) % rank for axis in axes.value.ravel())
    ends = {axis: (given[k], given[len(given) // 2 + k]) for k, axis in enumerate(named)}
    mode = str(step.attributes.get("mode", "constant"))
    places = [
        _padded(length, *ends.get(axis, (0, 0)), mode)
        for axis, length in enumerate(np.shape(data.value))
    ]
    outside = np.zeros([len(place) for place in places], np.bool_)
    for axis, place in enumerate(places):
        outside |= (place < 0).reshape([-1 if k == axis else 1 for k in range(rank)])
    grid = np.ix_(*places) if rank else ()
    void = outside & (fill is None and data.dtype == "float8e8m0")  # it has no zero
    if outside.any() and fill is None:
        fill = _filling(step, data)

    def put(array: Array, constant: Array) -> Array:
        if not outside.any():
            return np.asarray(array[grid])
        inner = array[grid] if array.size else np.zeros(outside.shape, array.dtype)
        return np.where(outside, constant.reshape(()), inner).astype(array.dtype)

    constant = data if fill is None else fill
    made = Pair(put(data.value, constant.value), None, data.dtype)
    if not all(pair is None or pair.is_exact for pair in (widths, axes)):
        return [made.unknown()]
    if data.is_exact and (fill is None or fill.is_exact):
        return [undefined(made, np.asarray(void))]
    return [Pair(made.value, put(data.errors(), constant.errors()), data.dtype)]


def _padded(length: int, before: int, after: int, mode: str) -> Array:
    """The place of each element along an axis, -1 outside; negative widths cut first."""
    kept = np.arange(length)[max(-before, 0) : length - max(-after, 0)]
    widths = (max(before, 0), max(after, 0))
    if mode == "constant":
        return np.pad(kept, widths, constant_values=-1)
    how: Any = mode  # NumPy spells its modes as literals
    return np.asarray(np.pad(kept, widths, how))


def _filling(step: Step, data: Pair) -> Pair:
    number = step.attributes.get("value", 0.0)
    if data.dtype == "string":
        return Pair(np.array("", object), None, "string")
    return Pair(np.asarray(number).astype(data.value.dtype), None, data.dtype)


@rule("Constant", source=DOCUMENTS)
def constant(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """The attribute that is there; sparse values are made dense."""
    for name, value in step.attributes.items():
        if name == "value":
            number = dtypes.of_number(value.data_type)
            return [Pair.exact(numpy_helper.to_array(value), number.name)]
        if name == "sparse_value":
            return [_dense(value)]
        if name in ("value_float", "value_floats"):
            return [Pair.exact(np.asarray(value, np.float32))]
        if name in ("value_int", "value_ints"):
            return [Pair.exact(np.asarray(value, np.int64))]
        if name in ("value_string", "value_strings"):
            return [Pair(np.asarray(value, dtype=object), None, "string")]
    raise ValueError("Constant has no value")


def _dense(sparse: Any) -> Pair:
    values = numpy_helper.to_array(sparse.values)
    places = numpy_helper.to_array(sparse.indices)
    dense = np.zeros(list(sparse.dims), values.dtype)
    if places.ndim == 1:
        dense.reshape(-1)[places] = values
    else:
        dense[tuple(places.T)] = values
    return Pair.exact(dense, dtypes.of_number(sparse.values.data_type).name)


@rule("EyeLike", source=DOCUMENTS)
def eye(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """Ones on a diagonal, in the type asked for, or that of the input."""
    (data,) = inputs
    if not isinstance(data, Pair):
        raise TypeError("EyeLike needs a tensor")
    asked = step.attributes.get("dtype")
    dtype = dtypes.of_name(data.dtype) if asked is None else dtypes.of_number(asked)
    rows, columns = np.shape(data.value)
    made = np.eye(rows, columns, int(step.attributes.get("k", 0)))
    return [Pair.exact(made.astype(dtype.numpy), dtype.name)]


@rule("NonZero", source="ONNX NonZero: places of elements that are not 0")
def nonzero(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:  # noqa: ARG001  # rules take it
    """Exact while no element may be either 0 or not."""
    (data,) = inputs
    if not isinstance(data, Pair):
        raise TypeError("NonZero needs a tensor")
    array = np.atleast_1d(data.value)
    there = (array != "") if data.dtype == "string" else array != 0
    made = Pair(np.array(np.nonzero(there), np.int64).reshape(array.ndim, -1), None, "int64")
    error = data.errors()
    sure = (error == 0) | ((error < np.abs(data.value)) if error.any() else True)
    return [made if np.all(sure) else made.unknown()]


@rule("Unique", source="ONNX Unique: values, first places, inverse, counts")
def unique(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """In rising order, or in that of first appearance; unknown where values are not exact."""
    (data,) = inputs
    if not isinstance(data, Pair):
        raise TypeError("Unique needs a tensor")
    axis = step.attributes.get("axis")
    # Text is compared by its rank among all texts: NumPy sorts no rows of objects.
    words, codes = np.unique(data.value, return_inverse=True)
    codes = codes.reshape(np.shape(data.value)) if data.dtype == "string" else data.value
    found = np.unique(
        codes if axis is not None else codes.ravel(),
        return_index=True,
        return_inverse=True,
        return_counts=True,
        axis=0 if axis is None else axis,
    )
    values, first, inverse, counts = found
    inverse = inverse.reshape(-1)
    if not step.attributes.get("sorted", 1):
        order = np.argsort(first, kind="stable")
        values = np.take(values, order, axis=0 if axis is None else axis)
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    made = [Pair(words[values] if data.dtype == "string" else values, None, data.dtype)]
    made += [Pair(np.asarray(a, np.int64), None, "int64") for a in (first, inverse, counts)]
    kept = made[: len(step.outputs)]
    return list(kept if data.is_exact else [pair.unknown() for pair in kept])


def _stash(step: Step, dtype: str) -> Format:
    """The format that a range is counted and summed in: wider, where `stash_type` says so."""
    asked = step.attributes.get("stash_type")
    if dtype not in ("float16", "bfloat16") or asked is None:
        return step.stored(dtype)
    return FORMATS[dtypes.of_number(int(asked)).name]


@rule("Range", source="ONNX Range: start + i delta, or its body, which adds delta i times")
def counting(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The body's sum after i additions: i u max|value|; Higham ASNA 4.2."""
    start, limit, delta = (value for value in inputs if isinstance(value, Pair))
    if not start.is_float:
        whole = Pair.exact(
            np.asarray(step.reference([start.value, limit.value, delta.value])[0])
        )
        exact = start.is_exact and limit.is_exact and delta.is_exact
        return [Pair(whole.value, None if exact else whole.unknown().error, start.dtype)]
    steps = (limit.value - start.value) / delta.value
    count = max(int(np.ceil(steps).item()), 0)
    places = np.arange(count)
    value = start.value + places * delta.value
    kept = _stash(step, start.dtype)
    error = start.errors() + places * (
        delta.errors() + kept.unit * np.maximum(np.abs(start.value), np.abs(value))
    )
    made = step.rounded(value, error, start.dtype)
    # The number of elements is a quotient, rounded or not; it has to be the same either way.
    with np.errstate(all="ignore"):
        slack = (start.errors() + limit.errors() + steps * delta.errors()) / np.abs(delta.value)
        ends = [steps - slack, steps + slack, nearest(steps, kept)]
    jumps = any(max(int(np.ceil(end).item()), 0) != count for end in ends)
    return [made.unknown() if jumps else made]

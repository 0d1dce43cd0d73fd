"""If, Loop and Scan, along the reference's path.

Where a condition or a trip count is not exact, a correct device may take another path: the
outputs are then unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx

from hal_conformance.numerics.pair import Pair, Quantity, Table

if TYPE_CHECKING:
    from hal_conformance.numerics.arithmetic import Array

Runs: TypeAlias = Callable[[onnx.GraphProto, dict[str, Quantity]], "list[Quantity]"]
"""Computes a graph, given what its names stand for."""


def control_flow(
    run: Runs,
    node: onnx.NodeProto,
    inputs: Sequence[Quantity],
    names: Mapping[str, Quantity],
) -> list[Quantity]:
    """The outputs of an If, Loop or Scan node.

    Raises:
        TypeError: a loop's condition or trip count is not a tensor.
    """
    graphs = {a.name: a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH}
    if node.op_type == "If":
        return _branch(run, graphs, inputs, names)
    if node.op_type == "Loop":
        return _loop(run, graphs["body"], inputs, names)
    scanned = next(a.i for a in node.attribute if a.name == "num_scan_inputs")
    lists = {a.name: list(a.ints) for a in node.attribute}
    if len(inputs) > len(graphs["body"].input):
        return _batched_scan(run, graphs["body"], (scanned, lists), inputs, names)
    return _scan(run, graphs["body"], (scanned, lists), inputs, names)


def _branch(
    run: Runs,
    graphs: Mapping[str, onnx.GraphProto],
    inputs: Sequence[Quantity],
    names: Mapping[str, Quantity],
) -> list[Quantity]:
    condition = _tensor(inputs[0])
    taken = "then_branch" if bool(condition.value.item()) else "else_branch"
    results = run(graphs[taken], dict(names))
    return results if condition.is_exact else [unknown(result) for result in results]


def _loop(
    run: Runs,
    body: onnx.GraphProto,
    inputs: Sequence[Quantity],
    names: Mapping[str, Quantity],
) -> list[Quantity]:
    trips, go_on = (_optional(value) for value in inputs[:2])
    state = list(inputs[2:])
    kept: list[list[Pair]] = [[] for _ in body.output[1 + len(state) :]]
    sure = all(value is None or value.is_exact for value in (trips, go_on))
    limit = int(trips.value.item()) if trips is not None else None
    more = bool(go_on.value.item()) if go_on is not None else True
    count = 0
    while more and (limit is None or count < limit):
        first = Pair.exact(np.array(count, np.int64)), Pair.exact(np.array(more))
        outputs = run(body, dict(names) | _named(body, [*first, *state]))
        again = _tensor(outputs[0])
        sure = sure and again.is_exact
        more = bool(again.value.item())
        state = outputs[1 : 1 + len(state)]
        _keep(kept, outputs[1 + len(state) :])
        count += 1
    shapes = [_empty(value) for value in body.output[1 + len(state) :]]
    stacked = [stack(rows, empty) for rows, empty in zip(kept, shapes, strict=True)]
    results: list[Quantity] = [*state, *stacked]
    return results if sure else [unknown(result) for result in results]


def _scan(
    run: Runs,
    body: onnx.GraphProto,
    numbers: tuple[int, Mapping[str, list[int]]],
    inputs: Sequence[Quantity],
    names: Mapping[str, Quantity],
) -> list[Quantity]:
    scanned, lists = numbers
    state = list(inputs[: len(inputs) - scanned])
    sequences = [_tensor(value) for value in inputs[len(inputs) - scanned :]]
    axes = _list(lists.get("scan_input_axes"), scanned)
    backwards = _list(lists.get("scan_input_directions"), scanned)
    given = [
        _turned(pair.moved(_first(axis)), back)
        for pair, axis, back in zip(sequences, axes, backwards, strict=True)
    ]
    made = len(body.output) - len(state)
    kept: list[list[Pair]] = [[] for _ in range(made)]
    for step in range(len(given[0].value)):
        row = [pair.moved(_row(step)) for pair in given]
        outputs = run(body, dict(names) | _named(body, [*state, *row]))
        state = outputs[: len(state)]
        _keep(kept, outputs[len(state) :])
    out_axes = _list(lists.get("scan_output_axes"), made)
    turned = _list(lists.get("scan_output_directions"), made)
    shapes = [_empty(value) for value in body.output[len(state) :]]
    stacked = [
        _turned(stack(rows, empty), back).moved(_last(axis))
        for rows, empty, axis, back in zip(kept, shapes, out_axes, turned, strict=True)
    ]
    return [*state, *stacked]


def _batched_scan(
    run: Runs,
    body: onnx.GraphProto,
    numbers: tuple[int, Mapping[str, list[int]]],
    inputs: Sequence[Quantity],
    names: Mapping[str, Quantity],
) -> list[Quantity]:
    """Scan-8: one scan for each element of a batch, as long as the first input says."""
    scanned, lists = numbers
    lengths, given = _optional(inputs[0]), [_tensor(value) for value in inputs[1:]]
    directions = {"scan_input_directions": lists.get("directions", [0] * scanned)}
    longest = given[-1].value.shape[1]
    results: list[list[Pair]] = []
    for element in range(len(given[0].value)):
        length = longest if lengths is None else int(lengths.value[element])
        row: list[Quantity] = [pair.moved(_row(element)) for pair in given]
        row[-scanned:] = [_tensor(pair).moved(_start(length)) for pair in row[-scanned:]]
        made = [_tensor(v) for v in _scan(run, body, (scanned, directions), row, names)]
        state = len(given) - scanned
        # Padded to the longest; the standard does not say with what, runtimes take zeros.
        made[state:] = [pair.moved(_filled(longest)) for pair in made[state:]]
        results.append(made)
    stacked: list[Quantity] = [stack(pairs, pairs[0]) for pairs in zip(*results, strict=True)]
    sure = lengths is None or lengths.is_exact
    return stacked if sure else [unknown(result) for result in stacked]


def _keep(kept: Sequence[list[Pair]], outputs: Sequence[Quantity]) -> None:
    """Add what one pass of a body scanned out to what the passes before it did."""
    for rows, output in zip(kept, outputs, strict=True):
        rows.append(_tensor(output))


def stack(rows: Sequence[Pair], empty: Pair) -> Pair:
    """Pairs of one shape, stacked along a new first axis; `empty` where there is none."""
    if not rows:
        return empty
    value = np.stack([row.value for row in rows])
    if all(row.error is None for row in rows):
        return replace(rows[0], value=value)
    return replace(rows[0], value=value, error=np.stack([row.errors() for row in rows]))


def unknown(value: Quantity) -> Quantity:
    """The same quantity, of whose error nothing can be said."""
    if isinstance(value, (Pair, Table)):
        return value.unknown()
    return None if value is None else [unknown(item) for item in value]


def _named(body: onnx.GraphProto, values: Sequence[Quantity]) -> dict[str, Quantity]:
    return {given.name: value for given, value in zip(body.input, values, strict=False)}


def _empty(value: onnx.ValueInfoProto) -> Pair:
    """No rows of an output of a body: its declared type, with 0 in front of its shape."""
    from hal import dtypes

    tensor = value.type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim]
    dtype = dtypes.of_number(tensor.elem_type or 1)
    return Pair.exact(np.zeros((0, *dims), dtype.numpy), dtype.name)


def _tensor(value: Quantity) -> Pair:
    if not isinstance(value, Pair):
        raise TypeError(f"a tensor is needed here, not a {type(value).__name__}")
    return value


def _optional(value: Quantity) -> Pair | None:
    return None if value is None else _tensor(value)


def _list(value: list[int] | None, length: int) -> list[int]:
    return value or [0] * length


def _turned(pair: Pair, backwards: int) -> Pair:
    return pair.moved(lambda array: array[::-1]) if backwards else pair


def _row(index: int) -> Callable[[Array], Array]:
    return lambda array: np.asarray(array[index])


def _start(length: int) -> Callable[[Array], Array]:
    return lambda array: array[:length]


def _filled(length: int) -> Callable[[Array], Array]:
    def fill(array: Array) -> Array:
        short = np.zeros((length - len(array), *array.shape[1:]), array.dtype)
        return np.concatenate([array, short])

    return fill


def _first(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.moveaxis(array, axis, 0)


def _last(axis: int) -> Callable[[Array], Array]:
    return lambda array: np.moveaxis(array, 0, axis)

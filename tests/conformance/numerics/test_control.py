"""Control flow along the reference's path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair, Quantity
from onnx import helper


def batched_scan(lengths: Pair | None, **attributes: Any) -> list[Quantity]:
    """Scan-8, which has a batch: running sums of two rows of three."""
    nodes = [
        helper.make_node("Add", ["s", "x"], ["t"]),
        helper.make_node("Identity", ["t"], ["z"]),
    ]
    tensors = {
        name: helper.make_tensor_value_info(name, 1, []) for name in ("s", "x", "t", "z")
    }
    body = helper.make_graph(
        nodes, "body", [tensors["s"], tensors["x"]], [tensors["t"], tensors["z"]]
    )
    given = ["" if lengths is None else "lengths", "start", "rows"]
    node = helper.make_node(
        "Scan", given, ["last", "all"], body=body, num_scan_inputs=1, **attributes
    )
    infos = [helper.make_tensor_value_info(name, 1, None) for name in given if name]
    outputs = [helper.make_tensor_value_info(name, 1, None) for name in ("last", "all")]
    graph = helper.make_graph([node], "g", infos, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)])
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    feeds: dict[str, Quantity] = {
        "start": Pair.exact(np.zeros(2, np.float32)),
        "rows": Pair.exact(rows),
    }
    return bounds(model, feeds | ({"lengths": lengths} if lengths else {}), arithmetic("fp32"))


def values(results: list[Quantity]) -> list[object]:
    return [result.value.tolist() for result in results if isinstance(result, Pair)]


def test_a_batched_scan_runs_along_each_row() -> None:
    assert values(batched_scan(None)) == [[3, 12], [[0, 1, 3], [3, 7, 12]]]


def test_a_batched_scan_may_run_backwards() -> None:
    assert values(batched_scan(None, directions=[1]))[0] == [3, 12]
    assert values(batched_scan(None, directions=[1]))[1] == [[2, 3, 3], [5, 9, 12]]


def test_a_batched_scan_stops_where_a_row_ends() -> None:
    lengths = Pair.exact(np.array([1, 2]))
    assert values(batched_scan(lengths)) == [[0, 7], [[0, 0, 0], [3, 7, 0]]]


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_lengths_in_doubt_leave_nothing_known(error: float) -> None:
    lengths = Pair(np.array([1, 2]), np.full(2, error) if error else None, "int64")
    found = [r.is_exact for r in batched_scan(lengths) if isinstance(r, Pair)]
    assert found == [error == 0.0] * 2

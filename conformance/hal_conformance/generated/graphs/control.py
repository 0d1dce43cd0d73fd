"""Control flow: recurrent cells in Loop and Scan, both branches of If, what is read outside.

Sources: OpenVINO's LSTMCellFusion, GRUCellFusion, AUGRUCellFusion, sequence fusions and
BidirectionalSequenceDecomposition, unrolling of TensorIterator and Loop; ONNX Runtime's
constant folding of If (ConstantFoldIfNode), implicit inputs of subgraphs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, scaled

PATTERNS = Patterns()
_TWISTS = ("swapped", "dynamic", "constant_nodes", "exposed_first")
_IN, _HIDDEN = 5, 6


def _cell(g: Graph, kind: str, x: str, h: str, c: str) -> tuple[str, str]:
    """One step of a recurrent network; its weights are read from outside."""
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    products = g("MatMul", x, f"w{gates}"), g("MatMul", h, f"r{gates}")
    if kind == "gru":
        return _gru(g, products, h), c
    total = g("Add", g("Add", *products), f"b{gates}")
    if kind == "rnn":
        return g("Tanh", total), c
    i, o, f, n = g.split(total, *[_HIDDEN] * 4, axis=-1)
    i, o, f = (g("Sigmoid", gate) for gate in (i, o, f))
    c = g("Add", g("Mul", f, c), g("Mul", i, g("Tanh", n)))
    return g("Mul", o, g("Tanh", c)), c


def _gru(g: Graph, products: tuple[str, str], h: str) -> str:
    a, b = (g.split(each, *[_HIDDEN] * 3, axis=-1) for each in products)
    z = g("Sigmoid", g("Add", a[0], b[0]))
    r = g("Sigmoid", g("Add", a[1], b[1]))
    n = g("Tanh", g("Add", a[2], g("Mul", r, b[2])))
    kept = g("Mul", z, h)
    return g("Add", kept, g("Mul", g("Sub", g.const(1.0), z), n))


def _weights(g: Graph, kind: str) -> None:
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    g.weight(f"w{gates}", _IN, gates * _HIDDEN, make=scaled(0.5))
    g.weight(f"r{gates}", _HIDDEN, gates * _HIDDEN, make=scaled(0.5))
    if kind != "gru":
        g.weight(f"b{gates}", gates * _HIDDEN, make=scaled(0.5))


_KINDS = {kind: {"kind": kind} for kind in ("gru", "lstm")}


@PATTERNS.add(
    types=("float32", "float16"),
    twists=_TWISTS,
    variants={
        **_KINDS,
        "reverse": {"scan_input_directions": [1]},
        "outputs_reversed": {"scan_output_directions": [1]},
        "bidirectional": {"scan_input_directions": [1], "scan_output_directions": [1]},
        "other_axis": {"axis": 1},
        "lstm_reverse": {"kind": "lstm", "scan_input_directions": [1]},
    },
    opsets=(OPSET, 11),
)
def scan_cell(g: Graph, kind: str = "rnn", axis: int = 0, **how: Any) -> None:
    """A recurrent cell in Scan."""
    dims: tuple[int | str, ...] = ("N", "L", _IN) if axis else ("L", "N", _IN)
    x = g.feed("x", *dims)
    states = [g.feed(name, "N", _HIDDEN) for name in (("h", "c") if kind == "lstm" else ("h",))]
    _weights(g, kind)
    inner = g.within()
    told = [inner.local(f"in_{state}", "N", _HIDDEN) for state in states]
    told.append(inner.local("in_x", "N", _IN))
    _unsized(told)
    h, c = _cell(inner, kind, told[-1].name, told[0].name, told[min(1, len(states) - 1)].name)
    results = [h, c] if kind == "lstm" else [h]
    body = inner.subgraph("body", told, [*results, inner("Identity", h)])
    axes: dict[str, Any] = (
        {"scan_input_axes": [axis], "scan_output_axes": [axis]} if axis else {}
    )
    made = g.many(
        len(states) + 1, "Scan", *states, x, body=body, num_scan_inputs=1, **axes, **how
    )
    g.out(*made)


def _unsized(told: list[Any]) -> None:
    """Sizes inside are those of outside: they need not be said."""
    for value in told:
        for dim in value.type.tensor_type.shape.dim:
            dim.ClearField("dim_param")


@PATTERNS.add(
    types=("float32", "float16"),
    twists=_TWISTS,
    variants={
        **_KINDS,
        "early": {"early": True},
        "lstm_early": {"kind": "lstm", "early": True},
    },
    opsets=(OPSET, 13),
)
def loop_cell(g: Graph, kind: str = "rnn", early: bool = False) -> None:
    """A recurrent cell in Loop, which gathers its input by the iteration."""
    x = g.feed("x", "L", "N", _IN)
    names = ("h", "c") if kind == "lstm" else ("h",)
    states = [g.feed(name, "N", _HIDDEN) for name in names]
    _weights(g, kind)
    inner = g.within()
    told = [inner.local("i", dtype="int64"), inner.local("go", dtype="bool")]
    told += [inner.local(f"in_{name}", "N", _HIDDEN) for name in names]
    _unsized(told)
    step = inner("Gather", x, told[0].name, axis=0)
    h, c = _cell(inner, kind, step, told[2].name, told[-1].name)
    if early:
        go = inner("Less", told[0].name, inner.integer(2))
    else:
        go = inner("Identity", told[1].name)
    results = [go, h, c] if kind == "lstm" else [go, h]
    body = inner.subgraph("body", told, [*results, inner("Neg", h)])
    count = g("Gather", g("Shape", x), g.integer(0))
    start = g.const(1.0, "bool")
    made = g.many(len(states) + 1, "Loop", count, start, *states, body=body)
    for name in made[:-1]:
        g.out_as(name, "N", _HIDDEN)
    g.out_as(made[-1], "steps" if early else "L", "N", _HIDDEN)


@PATTERNS.add(
    twists=("dynamic", "constant_nodes"),
    variants={
        "lstm": {"op": "LSTM"},
        "gru": {"op": "GRU"},
        "reverse": {"direction": "reverse"},
        "bidirectional": {"direction": "bidirectional"},
        "lstm_bidirectional": {"op": "LSTM", "direction": "bidirectional"},
        "gru_reset_after": {"op": "GRU", "linear_before_reset": 1},
    },
)
def recurrent_layers(g: Graph, op: str = "RNN", direction: str = "forward", **how: Any) -> None:
    """Two layers, with the transposes and squeezes of exported models between them."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    ways = 2 if direction == "bidirectional" else 1
    y, width = g.feed("x", "L", "N", _IN), _IN
    for layer in range(2):
        w = g.weight(f"w{layer}", ways, gates * _HIDDEN, width, make=scaled(0.5))
        r = g.weight(f"r{layer}", ways, gates * _HIDDEN, _HIDDEN, make=scaled(0.5))
        y = g(op, y, w, r, hidden_size=_HIDDEN, direction=direction, **how)
        y = g.transpose(y, 0, 2, 1, 3)
        width = ways * _HIDDEN
        y = g.reshape(y, 0, 0, width)
    g.out(g.transpose(y, 1, 0, 2))


@PATTERNS.add(
    twists=("dynamic", "swapped"),
    variants={
        "false": {"flag": False},
        "nested": {"nested": True},
        "constant": {"constant": True},
        "constant_false": {"constant": True, "flag": False},
        "computed": {"computed": True},
        "two_outputs": {"two": True},
        "same_name_outside": {"shadowed": True},
    },
)
def conditional(
    g: Graph,
    flag: bool = True,
    nested: bool = False,
    constant: bool = False,
    computed: bool = False,
    two: bool = False,
    shadowed: bool = False,
) -> None:
    """If, whose branches read what is outside."""
    x, y = g.feed("x", "N", 11), g.feed("y", "N", 11)
    if constant:
        condition = g.const(float(flag), "bool")
    elif computed:
        condition = g("Greater", g.reduce("ReduceMax", x, 0, 1, keepdims=0), g.const(0.0))
    else:
        condition = g.feed("flag", dtype="bool", make=_truth(value=flag))
    outside = g("Tanh", x) if shadowed else x
    then, other = g.within(), g.within()
    a = [then("Add", then("Relu", outside), y)]
    b = [_inner_if(other, condition, outside, y) if nested else other("Sub", outside, y)]
    if two:
        a.append(then("Neg", a[0]))
        b.append(other("Exp", b[0]))
    graphs = then.subgraph("then", [], a), other.subgraph("else", [], b)
    made = g.many(len(a), "If", condition, then_branch=graphs[0], else_branch=graphs[1])
    g.out(g("Add", made[0], outside), *made[1:])


def _inner_if(g: Graph, condition: str, x: str, y: str) -> str:
    then, other = g.within(), g.within()
    first, second = then("Mul", x, y), other("Max", x, y)
    graphs = then.subgraph("then", [], [first]), other.subgraph("else", [], [second])
    return g("If", g("Not", condition), then_branch=graphs[0], else_branch=graphs[1])


def _truth(*, value: bool) -> values.Maker:
    def make(_draw: Draw, shape: values.Shape, _dtype: DType) -> Any:
        return np.full(shape, value)

    return make


@PATTERNS.add(
    twists=("dynamic", "swapped"),
    variants={
        "no_steps": {"count": 0},
        "invariant": {"invariant": True},
        "nested": {"nested": True},
        "two_states": {"two": True},
        "whole": {"whole": True},
    },
)
def loop(
    g: Graph,
    count: int = 4,
    invariant: bool = False,
    nested: bool = False,
    two: bool = False,
    whole: bool = False,
) -> None:
    """Loop over a state: parts that never change, loops within, states exchanged."""
    t = "int32" if whole else None
    x = g.feed("x", "N", 11, dtype=t)
    y = g.feed("y", "N", 11, dtype=t)
    trips = g.feed("trips", dtype="int64", make=values.fixed(count))
    inner = g.within()
    told = [inner.local("i", dtype="int64"), inner.local("go", dtype="bool")]
    told += [inner.local("v", "N", 11, dtype=t) for _ in range(2 if two else 1)]
    _unsized(told)
    v = told[2].name
    if nested:
        new = _inner_loop(inner, v, y)
    elif invariant:
        new = inner("Add", inner("Abs", inner("Neg", y)), v)
    else:
        new = inner("Sub", y, v)
    go = inner("Identity", told[1].name)
    states = [inner("Neg", told[3].name), inner("Identity", v)] if two else [new]
    body = inner.subgraph("body", told, [go, *states])
    made = g.many(len(states), "Loop", trips, "", *([x, y] if two else [x]), body=body)
    for each in made:
        g.out_as(g("Neg", each), "N", 11, dtype=t)


def _inner_loop(g: Graph, v: str, y: str) -> str:
    inner = g.within()
    told = [inner.local("i", dtype="int64"), inner.local("go", dtype="bool")]
    told.append(inner.local("u", "N", 11))
    _unsized(told)
    new = inner("Max", inner("Sub", y, told[2].name), v)
    body = inner.subgraph("body", told, [inner("Identity", told[1].name), new])
    return g("Loop", g.integer(2), "", v, body=body)

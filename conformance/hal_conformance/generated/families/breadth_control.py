"""What control flow owes in every shape: scalars, many dimensions, two scanned inputs."""

from __future__ import annotations

from typing import Any

from onnx import GraphProto, TensorProto, helper

from hal_conformance.generated import registry, values
from hal_conformance.generated.form import Binding, Family, Form, In
from hal_conformance.generated.newest import newest, sizes
from hal_conformance.generated.registry import inner

Dims = tuple["int | str | None", ...]
_AGAIN: tuple[dict[str, int], ...] = ({}, {})
"""Two data sets of the same sizes, whose numbers differ."""

_CUBE: Dims = ("N", "C", "M")
_CUBES = sizes("NCM", (2, 3, 8), (2, 3, 8), (3, 5, 5), (1, 2, 1), (1, 1, 2), (33, 2, 35))


def _value(name: str, text: str, shape: Dims) -> Any:
    return helper.make_value_info(name, registry.proto(text, shape))


def _branch(op: str, shape: Dims) -> Any:
    def graph(binding: Binding) -> GraphProto:
        node = helper.make_node(op, ["a", "b"], ["result"])
        return helper.make_graph([node], "body", [], [_value("result", binding["V"], shape)])

    return graph


def _if() -> list[Form]:
    def form(label: str, shape: Any, **more: Any) -> Form:
        branches = {"then_branch": _branch("Add", shape), "else_branch": _branch("Sub", shape)}
        scope = {"a": In(shape, type="{V}"), "b": In(shape, type="{V}")}
        return Form(label, (In((), values.fixed(1)),), branches, scope=scope, **more)

    return [
        form("scalars", ()),
        form("shapes", _CUBE, sizes=_CUBES),
        form("five", (2, 1, 2, 3, 4)),
    ]


def _doubles(shape: Dims) -> Any:
    """The state added to itself, and what it was."""

    def graph(binding: Binding) -> GraphProto:
        text = binding["V"]
        nodes = [
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Add", ["state", "state"], ["next"]),
            helper.make_node("Identity", ["state"], ["seen"]),
        ]
        inputs = [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            _value("state", text, shape),
        ]
        outputs = [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            _value("next", text, shape),
            _value("seen", text, shape),
        ]
        return helper.make_graph(nodes, "body", inputs, outputs)

    return graph


def _loop() -> list[Form]:
    def form(label: str, shape: Any, **more: Any) -> Form:
        given = (In((), values.whole(2, 5)), In((), values.fixed(1)), In(shape))
        ranks = (len(shape), len(shape) + 1)
        body = {"body": _doubles(shape)}
        return Form(label, given, body, outputs=(True, True), ranks=ranks, **more)

    return [
        form("scalars", (), sizes=_AGAIN),
        form("again", (2, 8), sizes=_AGAIN),
        form("shapes", _CUBE, sizes=_CUBES),
    ]


def _adds(shape: Dims, inputs: int) -> Any:
    """The state plus the items; the items are seen."""

    def graph(binding: Binding) -> GraphProto:
        text = binding["V"]
        items = [f"item{k}" for k in range(inputs)]
        nodes = [helper.make_node("Sum", ["state", *items], ["next"])]
        nodes += [helper.make_node("Identity", [name], [f"{name}_seen"]) for name in items]
        return helper.make_graph(
            nodes,
            "body",
            [_value(name, text, shape) for name in ("state", *items)],
            [_value(name, text, shape) for name in ("next", *(f"{n}_seen" for n in items))],
        )

    return graph


def _scan() -> list[Form]:
    def form(label: str, shape: Any, length: Any, inputs: int = 1, **more: Any) -> Form:
        given = (In(shape), *(In((length, *shape)),) * inputs)
        attributes = {"num_scan_inputs": inputs, "body": _adds(shape, inputs)}
        return Form(label, given, attributes, outputs=(True,) * (1 + inputs), **more)

    return [
        form("scalars", (), 7),
        form("one", (1,), 1),
        form("two_inputs", (3,), 5, 2),
        form("square", (4, 4), 4),
        form("shapes", ("C", "M"), "N", sizes=_CUBES),
        form("four", (2, 3, 2, 5), 3),
        form("column", (3, 1), 2),
    ]


def _pairs(shape: Dims) -> Any:
    """Each item plus the other input."""

    def graph(binding: Binding) -> GraphProto:
        text = inner(binding["S"])[1]
        node = helper.make_node("Add", ["item", "other"], ["mapped"])
        return helper.make_graph(
            [node],
            "body",
            [_value("item", text, shape), _value("other", text, shape)],
            [_value("mapped", text, shape)],
        )

    return graph


def _plain(binding: Binding) -> bool:
    return (binding["S"], binding["V"]) == ("seq(tensor(float))", "tensor(float)")


def _map() -> list[Form]:
    def form(label: str, shape: Any, **more: Any) -> Form:
        given = (In(shape, length=3), In(shape))
        return Form(label, given, {"body": _pairs(shape)}, only=_plain, **more)

    return [
        form("shapes", _CUBE, sizes=_CUBES),
        form("vector", (8,), sizes=_AGAIN),
        form("column", (4, 1)),
    ]


FAMILIES = (
    Family(("If",), newest("If", _if()), vary=("V",)),
    Family(("Loop",), newest("Loop", _loop())),
    Family(("Scan",), newest("Scan", _scan())),
    Family(("SequenceMap",), newest("SequenceMap", _map()), typing="product"),
)

"""Control flow: If, Loop, Scan, SequenceMap, with bodies of one or two nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, defs, helper

from hal_conformance.generated import registry, values
from hal_conformance.generated.form import Binding, Family, Form, In
from hal_conformance.generated.registry import inner

_Graph: TypeAlias = Callable[[Binding], GraphProto]
_BOOL, _INT64 = TensorProto.BOOL, TensorProto.INT64


def _value(name: str, text: str, shape: tuple[int, ...] | None) -> ValueInfoProto:
    return helper.make_value_info(name, registry.proto(text, shape))


def _body(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
) -> GraphProto:
    return helper.make_graph(list(nodes), "body", list(inputs), list(outputs))


def _identity_takes(binding: Binding, version: int) -> bool:
    """Whether Identity, which the bodies use, takes the type at the same opset."""
    schema: Any = defs.get_schema("Identity", max(version, registry.OLDEST))
    (constraint,) = schema.type_constraints
    return binding["V"] in constraint.allowed_type_strs


def _newest_alone(binding: Binding, version: int) -> bool:
    """Whether the type takes OptionalGetElement and Optional as they are from opset 28 on."""
    newest = version == defs.get_schema("If").since_version
    return newest and not _identity_takes(binding, version)


def _unwraps(text: str, name: str, result: str) -> list[NodeProto]:
    """Nodes that give back a value of any type: an optional is opened and made anew."""
    if not text.startswith("optional"):
        return [helper.make_node("OptionalGetElement", [name], [result])]
    return [
        helper.make_node("OptionalGetElement", [name], [f"{name}_held"]),
        helper.make_node("Optional", [f"{name}_held"], [result]),
    ]


def _gives(name: str) -> _Graph:
    def graph(binding: Binding) -> GraphProto:
        text = binding["V"]
        return _body(_unwraps(text, name, "result"), [], [_value("result", text, (2, 3))])

    return graph


def _carries(binding: Binding) -> GraphProto:
    text = binding["V"]
    going = helper.make_node("Identity", ["going"], ["on"])
    return _body(
        [going, *_unwraps(text, "state", "next")],
        [
            helper.make_tensor_value_info("step", _INT64, []),
            helper.make_tensor_value_info("going", _BOOL, []),
            _value("state", text, (2, 3)),
        ],
        [helper.make_tensor_value_info("on", _BOOL, []), _value("next", text, (2, 3))],
    )


def _branch(op: str, *names: str) -> _Graph:
    def graph(binding: Binding) -> GraphProto:
        shape = None if op == "Concat" else (2, 3)
        attributes: dict[str, Any] = {"axis": 0} if op == "Concat" else {}
        node = helper.make_node(op, names, ["result"], **attributes)
        return _body([node], [], [_value("result", binding["V"], shape or (4, 3))])

    return graph


def _if() -> list[Form]:
    scope = {"a": In((2, 3), type="{V}"), "b": In((2, 3), type="{V}")}
    choose = {"then_branch": _branch("Identity", "a"), "else_branch": _branch("Identity", "b")}
    forms: list[Form] = []
    for word, truth in (("true", 1), ("false", 0)):
        forms.append(
            Form(
                f"gives_{word}",
                (In((), values.fixed(truth)),),
                {"then_branch": _gives("a"), "else_branch": _gives("b")},
                core=True,
                scope=scope,
                opset=28,
                admits=_newest_alone,
            )
        )
        forms.append(
            Form(
                word,
                (In((), values.fixed(truth)),),
                choose,
                core=True,
                scope=scope,
                admits=_identity_takes,
            )
        )
        computed = {
            "then_branch": _branch("Add", "a", "b"),
            "else_branch": _branch("Sub", "a", "b"),
        }
        forms.append(
            Form(f"computes_{word}", (In((), values.fixed(truth)),), computed, scope=scope)
        )
        forms.append(Form(f"one_{word}", (In((1,), values.fixed(truth)),), choose, scope=scope))
    return forms


def _loop_body(op: str, *, scan: bool, stop: bool = False) -> _Graph:
    def graph(binding: Binding) -> GraphProto:
        text = binding["V"]
        nodes = [
            helper.make_node("Not" if stop else "Identity", ["going"], ["on"]),
            helper.make_node(op, ["state", "state"] if op == "Add" else ["state"], ["next"]),
        ]
        outputs = [helper.make_tensor_value_info("on", _BOOL, []), _value("next", text, (2, 3))]
        if scan:
            nodes.append(helper.make_node("Identity", ["state"], ["seen"]))
            outputs.append(_value("seen", text, (2, 3)))
        inputs = [
            helper.make_tensor_value_info("step", _INT64, []),
            helper.make_tensor_value_info("going", _BOOL, []),
            _value("state", text, (2, 3)),
        ]
        return _body(nodes, inputs, outputs)

    return graph


def _is_tensor(binding: Binding) -> bool:
    return binding["V"].startswith("tensor")


def _loop() -> list[Form]:
    count = In((), values.fixed(3))
    going = In((), values.fixed(1))
    state = In((2, 3))
    carried = {"body": _loop_body("Identity", scan=False)}
    scanned = {"body": _loop_body("Identity", scan=True)}
    grows = {"body": _loop_body("Add", scan=True)}
    two, both = (True, True), (2, 3)
    return [
        Form(
            "carried",
            (count, going, state),
            carried,
            core=True,
            outputs=(True,),
            ranks=(2,),
            admits=_identity_takes,
        ),
        Form(
            "gives",
            (count, going, state),
            {"body": _carries},
            core=True,
            outputs=(True,),
            ranks=(2,),
            opset=28,
            admits=_newest_alone,
        ),
        Form(
            "scanned",
            (count, going, state),
            scanned,
            core=True,
            outputs=two,
            ranks=both,
            only=_is_tensor,
        ),
        Form("count_only", (count, None, state), grows, outputs=two, ranks=both),
        Form("grows", (count, going, state), grows, outputs=two, ranks=both),
        Form(
            "stops",
            (count, going, state),
            {"body": _loop_body("Add", scan=True, stop=True)},
            outputs=two,
            ranks=both,
        ),
        Form(
            "condition_only",
            (None, going, state),
            {"body": _loop_body("Add", scan=True, stop=True)},
            outputs=two,
            ranks=both,
        ),
        Form(
            "far_limit",
            (In((), values.fixed(2**32)), going, state),
            {"body": _loop_body("Add", scan=False, stop=True)},
            outputs=(True,),
            ranks=(2,),
        ),
        Form("never", (In((), values.fixed(0)), going, state), grows, outputs=two, ranks=both),
        Form(
            "condition_false",
            (count, In((), values.fixed(0)), state),
            grows,
            outputs=two,
            ranks=both,
        ),
    ]


def _scan_body(op: str, element: tuple[int, ...] = (3,)) -> _Graph:
    def graph(binding: Binding) -> GraphProto:
        text = binding["V"]
        nodes = [
            helper.make_node(op, ["state", "item"] if op == "Add" else ["state"], ["next"]),
            helper.make_node("Identity", ["item"], ["seen"]),
        ]
        return _body(
            nodes,
            [_value("state", text, element), _value("item", text, element)],
            [_value("next", text, element), _value("seen", text, element)],
        )

    return graph


def _scan() -> list[Form]:
    two = (True, True)
    base = Form(
        "plain",
        (In((3,)), In((5, 3))),
        {"num_scan_inputs": 1, "body": _scan_body("Identity")},
        core=True,
        outputs=two,
        since=9,
    )
    sums = base.also("sums", attributes={"body": _scan_body("Add")})
    turned = sums.also(
        "scan_input_axes_1", inputs=(In((3,)), In((3, 5))), attributes={"scan_input_axes": [1]}
    )
    old = Form(
        "batched",
        (None, In((2, 3)), In((2, 5, 3))),
        {"num_scan_inputs": 1, "body": _scan_body("Identity")},
        core=True,
        outputs=two,
        before=9,
    )
    old_sums = old.also("batched_sums", attributes={"body": _scan_body("Add")})
    return [
        base,
        sums,
        turned,
        turned.also("scan_input_axes_-1", attributes={"scan_input_axes": [-1]}, since=11),
        *(
            sums.also(
                f"scan_output_axes_{axis}",
                attributes={"scan_output_axes": [axis]},
                since=9 if axis >= 0 else 11,
            )
            for axis in (0, 1, -1)
        ),
        *(
            sums.also(
                f"scan_input_directions_{way}", attributes={"scan_input_directions": [way]}
            )
            for way in (0, 1)
        ),
        *(
            sums.also(
                f"scan_output_directions_{way}", attributes={"scan_output_directions": [way]}
            )
            for way in (0, 1)
        ),
        sums.also("dynamic", inputs=(In((3,)), In(("N", 3))), sizes=({"N": 2}, {"N": 7})),
        old,
        old_sums,
        old_sums.also("lengths", inputs=(In((2,), values.fixed([3, 5])), *old.inputs[1:])),
        *(
            old_sums.also(f"directions_{way}", attributes={"directions": [way]})
            for way in (0, 1)
        ),
    ]


def _map_body(op: str, extra: bool = False) -> _Graph:
    def graph(binding: Binding) -> GraphProto:
        text = inner(binding["S"])[1]
        inputs = [_value("item", text, (2, 3))]
        outputs = [_value("mapped", text, (2, 3))]
        names = ["item", "item"] if op == "Add" else ["item"]
        nodes = [helper.make_node(op, names, ["mapped"])]
        if extra:
            other = binding["V"]
            held = inner(other)[1] if other.startswith("seq") else other
            inputs.append(_value("other", held, (2, 3)))
            outputs.append(_value("kept", held, (2, 3)))
            nodes.append(helper.make_node("Identity", ["other"], ["kept"]))
        return _body(nodes, inputs, outputs)

    return graph


_SEQUENCE = In((2, 3), length=3)
_MAP = (
    Form("identity", (_SEQUENCE,), {"body": _map_body("Identity")}, core=True),
    Form("computes", (_SEQUENCE,), {"body": _map_body("Add")}),
    Form(
        "additional",
        (_SEQUENCE, _SEQUENCE),
        {"body": _map_body("Identity", extra=True)},
        core=True,
        outputs=(True, True),
    ),
    Form("empty", (In((2, 3), length=0),), {"body": _map_body("Identity")}),
)

FAMILIES = (
    Family(("If",), [f for f in _if() if f.core], vary=("V",), carries="all"),
    Family(("If",), [f for f in _if() if not f.core], vary=("V",)),
    Family(("Loop",), [f for f in _loop() if f.core], carries="all"),
    Family(("Loop",), [f for f in _loop() if not f.core]),
    Family(("Scan",), [f for f in _scan() if f.core], carries="all"),
    Family(("Scan",), [f for f in _scan() if not f.core]),
    Family(("SequenceMap",), [f for f in _MAP if f.core], typing="free", carries="all"),
    Family(("SequenceMap",), [f for f in _MAP if not f.core], typing="free"),
)

"""Attention, linear attention, rotary embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from onnx import GraphProto, TensorProto, helper

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, varied
from hal_conformance.generated.kinds import KINDS, kinds
from hal_conformance.generated.newest import newest, sizes
from hal_conformance.generated.registry import element
from hal_conformance.numerics.arithmetic import Array

_L = ({"L": 3}, {"L": 8})


def _mask(draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """What is added to scores: numbers that need their type, as far as scores can tell."""
    if values.is_float(dtype):
        return values.between(-3, 3)(draw, shape, dtype)
    if dtype.bits > 32:
        return values.whole(0, 4)(draw, shape, dtype)
    return values.vanishing(draw, shape, dtype)


def _attention() -> list[Form]:
    four = (In((2, 3, 5, 8)), In((2, 3, 7, 8)), In((2, 3, 7, 6)))
    flat = (In((2, 5, 24)), In((2, 7, 24)), In((2, 7, 18)))
    heads = {"q_num_heads": 3, "kv_num_heads": 3}
    square = (In((1, 2, 6, 8)), In((1, 2, 6, 8)), In((1, 2, 6, 8)))
    past = (In((2, 3, 4, 8)), In((2, 3, 4, 6)))
    cached = Form("past", (*four, None, *past), core=True, outputs=(True, True, True))
    scores = Form("scores", four, outputs=(True, False, False, True))
    softcap = scores.also("softcap_2.0", attributes={"softcap": 2.0})
    return [
        Form("plain", four, core=True),
        *varied(
            Form("plain", four),
            scale=(0.5, 1.0),
            softcap=(0.0, 2.5, 3.0),
            is_causal=(0,),
            softmax_precision=(1, 10, 11, 16),
        ),
        Form("is_causal_1", square, {"is_causal": 1}, core=True),
        Form(
            "bool_mask",
            (*four, In((5, 7), values.cycle((1, 1, 0)))),
            core=True,
            only=lambda b: b["U"] == "tensor(bool)",
        ),
        Form(
            "mask",
            (*four, In((5, 7), _mask)),
            core=True,
            only=lambda b: b["U"] != "tensor(bool)",
        ),
        Form(
            "mask_negative",
            (*four, In((5, 7), values.whole(-4, 5))),
            core=True,
            only=lambda b: b["T1"] == "tensor(float)" and b["U"] == "tensor(int64)",
        ),
        Form("mask_broadcast", (*four, In((2, 1, 1, 7)))),
        Form("mask_causal", (*square, In((6, 6))), {"is_causal": 1}),
        Form("flat", flat, heads, core=True),
        Form("flat_scale", flat, {**heads, "scale": 0.25}),
        Form("grouped", (In((2, 6, 5, 8)), In((2, 2, 7, 8)), In((2, 2, 7, 8)))),
        Form(
            "grouped_flat",
            (In((2, 5, 48)), In((2, 7, 16)), In((2, 7, 16))),
            {"q_num_heads": 6, "kv_num_heads": 2},
        ),
        cached,
        cached.also("past_causal", attributes={"is_causal": 1}),
        *varied(scores, "scores_", qk_matmul_output_mode=(0, 1, 2, 3)),
        *varied(softcap, "softcap_", qk_matmul_output_mode=(0, 1, 2, 3)),
        *varied(
            Form("window", square, {"is_causal": 1}), "causal_", left_window_size=(-1, 0, 2)
        ),
        *varied(Form("window", square), right_window_size=(-1, 0, 2), left_window_size=(-1, 1)),
        Form(
            "lengths",
            (*square[:1], *square[1:], None, None, None, In((1,), values.fixed([4]))),
            since=24,
        ),
        Form(
            "lengths_two",
            (In((2, 2, 6, 8)),) * 3 + (None, None, None, In((2,), values.fixed([4, 3]))),
            since=24,
        ),
        Form("long", (In((1, 2, 9, 64)), In((1, 2, 257, 64)), In((1, 2, 257, 64))), core=True),
        Form("one_query", (In((1, 2, 1, 8)), In((1, 2, 7, 8)), In((1, 2, 7, 8)))),
        Form(
            "large_scores",
            (In((1, 2, 4, 8), values.between(-30, 30)), In((1, 2, 5, 8)), In((1, 2, 5, 8))),
        ),
        Form("dynamic", (In((1, 2, "L", 8)),) * 3, sizes=_L),
    ]


def _each(n: Any, length: Any, keys: Any, width: Any, out: Any, heads: int) -> tuple[In, ...]:
    return In((n, heads, length, width)), In((n, heads, keys, width)), In((n, heads, keys, out))


def _breadth() -> list[Form]:
    """Every kind of number in each operand, and sizes that kernels tell apart."""
    batch = 3 * KINDS
    given = _each(batch, 3, 4, 4, 5, 1)
    some = sizes(
        "NLSDV",
        (2, 4, 8, 8, 8),
        (2, 4, 8, 8, 8),
        (3, 5, 5, 5, 5),
        (1, 3, 1, 1, 1),
        (1, 33, 5, 33, 35),
    )
    return [
        Form(
            "kinds",
            tuple(In(one.shape, kinds(0, place * KINDS)) for place, one in enumerate(given)),
        ),
        Form("shapes", _each("N", "L", "S", "D", "V", 1), sizes=some),
        Form("alike", _each(2, 6, 6, 8, 8, 2)),
    ]


def _linear() -> list[Form]:
    def form(
        label: str, rule: str, *, decay: bool = False, beta: bool = False, **more: Any
    ) -> Form:
        past = In((2, 2, 4, 3)) if more.pop("past", False) else None
        given = (
            In((2, 5, 8)),
            In((2, 5, 8), values.between(-0.5, 0.5)),
            In((2, 5, 6)),
            past,
            In((2, 5, more.pop("gate", 8)), values.between(-1, 0)) if decay else None,
            In((2, 5, 2), values.between(0, 1)) if beta else None,
        )
        attributes = {
            "q_num_heads": 2,
            "kv_num_heads": 2,
            "update_rule": rule,
            **more.pop("attributes", {}),
        }
        return Form(label, given, attributes, outputs=(True, True), **more)

    base = form("update_rule_gated_delta", "gated_delta", decay=True, beta=True, core=True)
    shared = (In((2, 5, 16)), In((2, 5, 8)), In((2, 5, 6)))
    both, heads = (True, True), {"q_num_heads": 2, "kv_num_heads": 2}
    one = {"q_num_heads": 1, "kv_num_heads": 1}
    return [
        base,
        form("update_rule_linear", "linear", core=True),
        form("update_rule_gated", "gated", decay=True),
        form("update_rule_delta", "delta", beta=True),
        form("past", "gated_delta", decay=True, beta=True, past=True, core=True),
        form("head_decay", "gated", decay=True, gate=2),
        *varied(base, chunk_size=(1, 2), scale=(0.25, 1.0)),
        replace(base, label="update_rule_absent", attributes=heads, core=False),
        Form("alike", (In((2, 5, 8)),) * 3, {**heads, "update_rule": "linear"}, outputs=both),
        Form(
            "one_step", (In((1, 1, 8)),) * 3, {**heads, "update_rule": "linear"}, outputs=both
        ),
        Form(
            "kinds",
            (
                *(In((4 * KINDS, 2, 3), kinds(0, place * KINDS)) for place in range(3)),
                In((4 * KINDS, 1, 3, 3), kinds(0, 3 * KINDS)),
            ),
            {**one, "update_rule": "linear"},
            outputs=both,
        ),
        Form(
            "shapes",
            (In(("N", "L", 18)), In(("N", "L", 18)), In(("N", "L", 34))),
            {**heads, "update_rule": "linear"},
            outputs=both,
            sizes=sizes("NL", (2, 4), (2, 4), (1, 5), (3, 1), (10, 6)),
        ),
        Form(
            "grouped",
            shared,
            {"q_num_heads": 4, "kv_num_heads": 2, "update_rule": "linear"},
            outputs=(True, True),
        ),
    ]


def _rotary() -> list[Form]:
    cache = values.between(-1, 1)
    at = In((2, 5), values.whole(0, 9))
    base = Form(
        "plain", (In((2, 3, 5, 8)), In((9, 4), cache), In((9, 4), cache), at), core=True
    )
    flat = Form("flat", (In((2, 5, 24)), *base.inputs[1:]), {"num_heads": 3}, core=True)
    positions = In(("N", "L"), values.whole(0, 9))
    partial = (In((2, 3, 5, 8)), In((9, 2), cache), In((9, 2), cache), at)
    return [
        base,
        flat,
        *varied(base, interleaved=(0, 1), rotary_embedding_dim=(0,)),
        flat.also("flat_interleaved", attributes={"interleaved": 1}),
        Form("partial", partial, {"rotary_embedding_dim": 4}),
        Form(
            "partial_odd",
            (In((2, 3, 5, 7)), *partial[1:]),
            {"rotary_embedding_dim": 4},
        ),
        Form(
            "kinds",
            (
                In((3 * KINDS, 1, 2, 4), kinds()),
                In((3 * KINDS, 2, 2), kinds(0, KINDS)),
                In((3 * KINDS, 2, 2), kinds(0, 2 * KINDS)),
            ),
        ),
        Form(
            "shapes",
            (In(("N", 3, "L", "D")), In((9, "E"), cache), In((9, "E"), cache), positions),
            sizes=sizes(
                "NLDE",
                (2, 4, 8, 4),
                (2, 4, 8, 4),
                (1, 5, 6, 3),
                (3, 6, 6, 3),
                (1, 1, 2, 1),
                (2, 9, 22, 11),
            ),
        ),
        Form("no_positions", (In((2, 3, 5, 8)), In((2, 5, 4), cache), In((2, 5, 4), cache))),
    ]


def _modified(op: str, constant: float) -> Any:
    """A score or probability modifier of one node."""

    def graph(binding: Binding) -> GraphProto:
        found = element(binding["T1"])
        number = TensorProto.DOUBLE if found and found.name == "float64" else TensorProto.FLOAT
        shape = [1, 2, 5, 7]
        return helper.make_graph(
            [helper.make_node(op, ["x", "c"], ["y"])],
            "modifier",
            [helper.make_tensor_value_info("x", number, shape)],
            [helper.make_tensor_value_info("y", number, shape)],
            [helper.make_tensor("c", number, [], [constant])],
        )

    return graph


def _flex() -> list[Form]:
    base = Form("plain", (In((1, 2, 5, 8)), In((1, 2, 7, 8)), In((1, 2, 7, 6))), core=True)
    return [
        base,
        *varied(base, scale=(0.5, 1.0), softmax_precision=(1, 10, 11)),
        base.also("score_mod", attributes={"score_mod": _modified("Mul", 0.5)}),
        base.also("prob_mod", attributes={"prob_mod": _modified("Mul", 2.0)}),
        base.also(
            "both",
            attributes={"score_mod": _modified("Add", 1.0), "prob_mod": _modified("Mul", 0.5)},
        ),
        *_breadth(),
        base.also(
            "alike_scores",
            inputs=(
                In((1, 2, 5, 8), values.between(0, 0.0625)),
                In((1, 2, 7, 8), values.between(0, 0.125)),
                In((1, 2, 7, 6), values.between(0.5, 1)),
            ),
            attributes={"softmax_precision": 11},
            core=True,
        ),
        base.also("grouped", inputs=(In((1, 4, 5, 8)), In((1, 2, 7, 8)), In((1, 2, 7, 6)))),
    ]


FAMILIES = (
    Family(("Attention",), _attention()),
    Family(
        ("Attention",),
        [
            Form(
                "value_type",
                (In((1, 2, 4, 8)), In((1, 2, 5, 8)), In((1, 2, 5, 8))),
                core=True,
                only=lambda b: b["T1"] == "tensor(float)" and b["T2"] != "tensor(float)",
            ),
        ],
        typing="free",
    ),
    Family(("Attention",), newest("Attention", _breadth())),
    Family(("LinearAttention",), _linear()),
    Family(("RotaryEmbedding",), _rotary()),
    Family(("FlexAttention",), _flex(), domain="ai.onnx.preview"),
)

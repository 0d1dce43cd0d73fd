"""Convolutions, direct, transposed, deformed, causal and quantised."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.entries import BATCH, EVERY, FINITE, entries, every
from hal_conformance.generated.families import convolution_quantised as quantised
from hal_conformance.generated.form import Family, Form, In, varied
from hal_conformance.generated.newest import FULL, PLANES, newest, sizes

_N = ({"N": 1}, {"N": 3})
_WEIGHTS = values.between(-1, 1)
_AREA = ({"H": 8, "W": 9}, {"H": 13, "W": 7})


def _conv() -> list[Form]:
    def form(label: str, x: Any, w: Any, bias: bool = False, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        given = (In(x), In(w, values.between(-1, 1), weight=more.pop("weight", True)))
        return Form(
            label, (*given, In((w[0],), weight=True)) if bias else given, attributes, **more
        )

    base = form("plain", (2, 3, 9, 11), (5, 3, 3, 3), core=True)
    return [
        base,
        *varied(
            base,
            pads=([1, 1, 1, 1], [2, 0, 1, 3], [0, 0, 0, 0]),
            strides=([2, 2], [1, 3], [1, 1]),
            dilations=([2, 2], [1, 3], [1, 1]),
            auto_pad=("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
            kernel_shape=([3, 3],),
            group=(1,),
        ),
        base.also(
            "kernel_shape_other",
            attributes={"kernel_shape": [3, 2]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
        form("bias", (2, 3, 9, 11), (5, 3, 3, 3), True, core=True),
        *(
            form(
                f"same_strides_{p.lower()}",
                (1, 2, 8, 9),
                (3, 2, 3, 4),
                attributes={"auto_pad": p, "strides": [2, 2]},
            )
            for p in ("SAME_UPPER", "SAME_LOWER")
        ),
        form("group", (1, 6, 7, 7), (8, 3, 3, 3), True, attributes={"group": 2}, core=True),
        form(
            "depthwise",
            (1, 8, 7, 7),
            (8, 1, 3, 3),
            attributes={"group": 8, "pads": [1, 1, 1, 1]},
        ),
        form("depthwise_twice", (1, 4, 7, 7), (8, 1, 3, 3), attributes={"group": 4}),
        form("pointwise", (2, 16, 5, 7), (9, 16, 1, 1)),
        form("one_dimension", (2, 3, 33), (4, 3, 5), True, core=True),
        form("three_dimensions", (1, 2, 5, 6, 7), (3, 2, 3, 2, 3)),
        form("large_kernel", (1, 2, 13, 13), (2, 2, 7, 7), attributes={"pads": [3, 3, 3, 3]}),
        form("whole_kernel", (1, 3, 5, 7), (4, 3, 5, 7)),
        form(
            "many_channels",
            (1, 128, 6, 6),
            (8, 128, 3, 3),
            attributes={"pads": [1, 1, 1, 1]},
            core=True,
        ),
        form(
            "everything",
            (1, 4, 11, 13),
            (6, 2, 3, 3),
            True,
            attributes={
                "group": 2,
                "pads": [2, 1, 0, 3],
                "strides": [2, 1],
                "dilations": [1, 2],
            },
        ),
        form("weight_given", (1, 3, 8, 8), (4, 3, 3, 3), weight=False),
        form("empty_batch", (0, 3, 8, 8), (4, 3, 3, 3)),
        form("dynamic_batch", ("N", 3, 8, 8), (4, 3, 3, 3), sizes=_N),
        form("dynamic_area", (1, 3, "H", "W"), (4, 3, 3, 3), sizes=_AREA),
    ]


def _transposed() -> list[Form]:
    def form(label: str, x: Any, w: Any, bias: int = 0, **more: Any) -> Form:
        given = (In(x), In(w, values.between(-1, 1), weight=True))
        attributes = more.pop("attributes", {})
        return Form(
            label, (*given, In((bias,), weight=True)) if bias else given, attributes, **more
        )

    base = form("plain", (1, 3, 4, 5), (3, 2, 3, 3), core=True)
    two = {"strides": [2, 2]}
    return [
        base,
        *varied(
            base,
            pads=([1, 1, 1, 1], [0, 1, 2, 0], [0, 0, 0, 0]),
            strides=([2, 2], [3, 1], [1, 1]),
            dilations=([2, 2], [1, 2], [1, 1]),
            auto_pad=("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
            kernel_shape=([3, 3],),
            group=(1,),
            output_padding=([0, 0],),
        ),
        base.also(
            "kernel_shape_other",
            attributes={"kernel_shape": [3, 2]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
        form("bias", (1, 3, 4, 5), (3, 2, 3, 3), 2, core=True),
        form(
            "output_padding_1x1",
            (1, 3, 4, 5),
            (3, 2, 3, 3),
            attributes={**two, "output_padding": [1, 1]},
        ),
        form(
            "output_shape",
            (1, 3, 4, 5),
            (3, 2, 3, 3),
            attributes={**two, "output_shape": [10, 12]},
        ),
        *(
            form(
                f"same_{p.lower()}",
                (1, 3, 4, 5),
                (3, 2, 3, 3),
                attributes={**two, "auto_pad": p},
            )
            for p in ("SAME_UPPER", "SAME_LOWER")
        ),
        form("group_2", (1, 4, 5, 5), (4, 3, 3, 3), 6, attributes={"group": 2}),
        form("one_dimension", (2, 3, 9), (3, 4, 4), attributes={"strides": [2]}, core=True),
        form("three_dimensions", (1, 2, 3, 4, 3), (2, 2, 2, 3, 2)),
        form("dynamic_batch", ("N", 3, 4, 4), (3, 2, 3, 3), sizes=_N),
    ]


def _deformed() -> list[Form]:
    def given(offset: Any, *rest: In | None) -> tuple[In | None, ...]:
        off = In(offset, values.between(-1.5, 1.5))
        return (In((1, 2, 6, 7)), In((3, 2, 3, 3), values.between(-1, 1)), off, *rest)

    base = Form(
        "plain", given((1, 18, 4, 5)), {"kernel_shape": [3, 3], "pads": [0, 0, 0, 0]}, core=True
    )
    mask = In((1, 9, 4, 5), values.between(0, 1))
    grouped = (In((1, 4, 5, 5)), In((4, 2, 2, 2)), In((1, 16, 4, 4), values.between(-1, 1)))
    return [
        base,
        base.also(
            "kernel_shape_other",
            attributes={"kernel_shape": [3, 2]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
        base.also("bias", inputs=given((1, 18, 4, 5), In((3,)))),
        base.also("mask", inputs=given((1, 18, 4, 5), None, mask)),
        base.also("everything", inputs=given((1, 18, 4, 5), In((3,)), mask), core=True),
        base.also("pads", inputs=given((1, 18, 6, 7)), attributes={"pads": [1, 1, 1, 1]}),
        base.also("strides", inputs=given((1, 18, 2, 3)), attributes={"strides": [2, 2]}),
        base.also("dilations", inputs=given((1, 18, 2, 3)), attributes={"dilations": [2, 2]}),
        Form(
            "groups",
            grouped,
            {"group": 2, "offset_group": 2, "kernel_shape": [2, 2], "pads": [0, 0, 0, 0]},
        ),
        Form(
            "offset_group_other",
            grouped,
            {"group": 2, "offset_group": 4, "kernel_shape": [2, 2], "pads": [0, 0, 0, 0]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
    ]


def _causal() -> list[Form]:
    x, w = In((2, 6, 9)), In((6, 1, 4), values.between(-1, 1))
    both = (True, True)
    base = Form("plain", (x, w), core=True, outputs=both)
    return [
        base,
        *varied(base, activation=("none", "silu", "swish")),
        base.also("bias", inputs=(x, w, In((6,)))),
        base.also("state", inputs=(x, w, None, In((2, 6, 3)))),
        base.also(
            "everything",
            inputs=(x, w, In((6,)), In((2, 6, 3))),
            core=True,
            attributes={"activation": "silu"},
        ),
        base.also("one_step", inputs=(In((2, 6, 1)), w, In((6,)), In((2, 6, 3)))),
        base.also("dynamic", inputs=(In((2, 6, "L")), w), sizes=({"L": 5}, {"L": 12})),
    ]


def _conv_breadth() -> list[Form]:
    """Numbers of every kind, an entry of the batch each; sizes that kernels tell apart."""
    return [
        Form("kinds", (In((BATCH, 2, 4, 5), every), In((3, 2, 3, 3), _WEIGHTS, weight=True))),
        Form("kinds_weight", (In((1, 2, 4, 5)), In((BATCH, 2, 2, 2), every))),
        Form("shapes", (In(("N", 2, "H", "W")), In((3, 2, 3, 3), _WEIGHTS)), sizes=PLANES),
    ]


def _transposed_breadth() -> list[Form]:
    two = {"strides": [2, 2]}
    return [
        Form("kinds", (In((BATCH, 2, 3, 4), every), In((2, 3, 2, 2), _WEIGHTS, weight=True))),
        Form("kinds_weight", (In((1, 1, 3, 4)), In((1, BATCH, 2, 2), entries(*EVERY, axis=1)))),
        Form("shapes", (In(("N", 2, "H", "W")), In((2, 3, 3, 3), _WEIGHTS)), two, sizes=PLANES),
        Form("pointwise", (In((2, 3, 5, 7)), In((3, 3, 1, 1), _WEIGHTS, weight=True))),
    ]


def _deformed_breadth() -> list[Form]:
    """Numbers of every finite kind; sizes that kernels tell apart."""
    still = {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0]}

    def form(label: str, batch: int | str, plane: Any, filters: int, **more: Any) -> Form:
        x = In((batch, 2, *plane), more.pop("make", values.any_))
        weight = In((filters, 2, 1, 1), _WEIGHTS, weight=True)
        offset = In((batch, 2, *plane), values.between(-1.5, 1.5))
        return Form(label, (x, weight, offset), still, **more)

    return [
        form("finite", len(FINITE), (4, 5), 3, make=entries(*FINITE)),
        form("shapes", "N", ("H", "W"), 3, sizes=FULL[:4]),
        form("as_large", 2, (4, 5), 2),
    ]


def _causal_breadth() -> list[Form]:
    both = (True, True)
    w, bias = In((6, 1, 4), _WEIGHTS), In((6,))
    rows = sizes("NL", (2, 8), (2, 8), (1, 7), (3, 1), (2, 33), (8, 35), (1, 6))
    return [
        Form("kinds", (In((BATCH, 6, 5), every), w), outputs=both),
        Form(
            "kinds_state",
            (In((BATCH, 6, 2)), w, bias, In((BATCH, 6, 3), every)),
            outputs=both,
        ),
        Form("shapes", (In(("N", 6, "L")), w, bias, In(("N", 6, 3))), outputs=both, sizes=rows),
        Form("empty", (In((0, 6, 5)), w), outputs=both),
    ]


FAMILIES = (
    Family(("Conv",), [*_conv(), *newest("Conv", _conv_breadth())]),
    Family(
        ("ConvTranspose",), [*_transposed(), *newest("ConvTranspose", _transposed_breadth())]
    ),
    Family(
        ("ConvInteger",), [*quantised.integer(), *quantised.integer_breadth()], typing="product"
    ),
    Family(
        ("QLinearConv",),
        [*quantised.qlinear(), *quantised.qlinear_breadth()],
        typing="product",
        vary=("T3",),
    ),
    Family(("DeformConv",), [*_deformed(), *newest("DeformConv", _deformed_breadth())]),
    Family(("CausalConvWithState",), [*_causal(), *_causal_breadth()]),
)

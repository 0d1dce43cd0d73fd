"""Convolutions of whole numbers: ConvInteger and QLinearConv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Form, In, varied
from hal_conformance.generated.newest import PLANES

_N = ({"N": 1}, {"N": 3})

_QUANTISED: dict[str, Any] = {
    "pads": ([1, 1, 1, 1], [0, 1, 2, 1], [0, 0, 0, 0]),
    "strides": ([2, 2], [1, 1]),
    "dilations": ([2, 1], [1, 1]),
    "auto_pad": ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
    "kernel_shape": ([3, 3],),
    "group": (1,),
}


def integer() -> list[Form]:
    x, w = In((1, 3, 7, 8), values.wide), In((4, 3, 3, 3), values.wide)
    at = values.fixed(3)
    base = Form("plain", (x, w), core=True)
    both = base.also("zero_points", inputs=(x, w, In((), at), In((), at)), core=True)
    return [
        base,
        both,
        base.also(
            "kernel_shape_other",
            attributes={"kernel_shape": [3, 2]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
        *varied(both, **_QUANTISED),
        base.also("left_only", inputs=(x, w, In((), at))),
        base.also("right_only", inputs=(x, w, None, In((), at))),
        base.also("channels", inputs=(x, w, In((), at), In((4,), values.whole(0, 9)))),
        base.also(
            "group_2",
            inputs=(In((1, 4, 6, 6), values.wide), In((6, 2, 3, 3), values.wide)),
            attributes={"group": 2},
        ),
        base.also(
            "one_dimension", inputs=(In((2, 3, 17), values.wide), In((4, 3, 3), values.wide))
        ),
        base.also("dynamic", inputs=(In(("N", 3, 7, 8), values.wide), w), sizes=_N),
    ]


def _qlinear(
    x: Sequence[int | str],
    w: Sequence[int],
    scales: Sequence[float],
    *rest: In,
    channels: bool = False,
) -> tuple[In, ...]:
    at = values.fixed(3)
    each = (w[0],) if channels else ()
    steps = (
        values.cycle([scales[1], scales[1] * 2, scales[1] / 2])
        if channels
        else values.fixed(scales[1])
    )
    return (
        In(tuple(x), values.wide),
        In((), values.fixed(scales[0])),
        In((), at),
        In(tuple(w), values.wide, weight=True),
        In(each, steps, weight=True),
        In(each, values.fixed([0] * w[0]) if channels else at, weight=True),
        In((), values.fixed(scales[2])),
        In((), at),
        *rest,
    )


def qlinear() -> list[Form]:
    fit, full = (2.0**-7, 2.0**-6, 2.0**-1), (2.0**-5, 2.0**-5, 2.0**-4)
    area, kernel = (1, 3, 7, 8), (4, 3, 3, 3)
    bias = In((4,), values.whole(-900, 900), weight=True)
    base = Form("plain", _qlinear(area, kernel, fit), core=True)
    return [
        base,
        base.also(
            "kernel_shape_other",
            attributes={"kernel_shape": [3, 2]},
            judged="refusal",
            inferred=False,
            ranks=(4,),
        ),
        *varied(base, **_QUANTISED),
        base.also("bias", inputs=_qlinear(area, kernel, fit, bias), core=True),
        base.also("uneven", inputs=_qlinear(area, kernel, (0.0117, 0.0231, 0.37), bias)),
        base.also("saturates", inputs=_qlinear(area, kernel, full)),
        base.also(
            "channels", inputs=_qlinear(area, kernel, fit, bias, channels=True), core=True
        ),
        base.also(
            "group_2", inputs=_qlinear((1, 4, 6, 6), (6, 2, 3, 3), fit), attributes={"group": 2}
        ),
        base.also("dynamic", inputs=_qlinear(("N", 3, 7, 8), kernel, fit), sizes=_N),
    ]


def integer_breadth() -> list[Form]:
    """Sums beyond 2^24, which float32 does not hold; zeros; sizes; windows of even width."""
    large = values.between(100, 127)
    same = [
        Form(
            f"same_even_{side.lower()}",
            (In((1, 2, 8, 9), values.wide), In((3, 2, 2, 4), values.wide)),
            {"auto_pad": side, "strides": [2, 2]},
        )
        for side in ("SAME_UPPER", "SAME_LOWER")
    ]
    return [
        Form("many_channels", (In((1, 192, 5, 5), large), In((2, 192, 3, 3), large))),
        Form("zeros", (In((2, 3, 5, 7), values.ties), In((4, 3, 1, 1), values.ties))),
        Form(
            "shapes",
            (In(("N", 2, "H", "W"), values.wide), In((3, 2, 3, 3), values.wide)),
            sizes=PLANES,
        ),
        *same,
    ]


def qlinear_breadth() -> list[Form]:
    fit = (2.0**-7, 2.0**-6, 2.0**-1)
    return [
        Form("shapes", _qlinear(("N", 3, "H", "W"), (4, 3, 3, 3), fit), sizes=PLANES),
        Form("pointwise", _qlinear((2, 3, 5, 5), (3, 3, 1, 1), fit)),
    ]

"""Images: resizing, sampling on grids, boxes, decoding."""

from __future__ import annotations

from typing import Any

import numpy as np

from hal_conformance.generated import values
from hal_conformance.generated.entries import BATCH, FINITE, ONE, entries, every, holding
from hal_conformance.generated.form import Family, Form, In, Kind, const, varied
from hal_conformance.generated.newest import PLANES, newest

_PLANE = (1, 2, 5, 6)
_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


def _scaled(*scales: float) -> tuple[In | None, ...]:
    return In(_PLANE), None, const([1.0, 1.0, *scales])


def _sized(*sizes: int) -> tuple[In | None, ...]:
    return In(_PLANE), None, None, const([1, 2, *sizes])


def _resize() -> list[Form]:
    up, down = (1.75, 2.5), (0.75, 0.5)
    since: dict[str, Any] = {"since": 11}
    forms: list[Form] = []
    for mode in ("nearest", "linear", "cubic"):
        for word, by in (("up", up), ("down", down)):
            kinds: Kind = (
                "any" if mode == "nearest" else "float"
            )  # no mean of texts, no stated rounding
            base = Form(
                f"{mode}_{word}", _scaled(*by), {"mode": mode}, core=True, kinds=kinds, **since
            )
            forms += [
                base,
                *varied(base, f"{mode}_{word}_", coordinate_transformation_mode=_COORDINATES),
            ]
            symmetric = {"coordinate_transformation_mode": "half_pixel_symmetric"}
            forms += [
                base.also(f"{base.label}_half_pixel_symmetric", attributes=symmetric, since=19)
            ]
        sized = Form(f"{mode}_sizes", _sized(8, 3), {"mode": mode}, **since)
        forms += [sized]
        forms += varied(sized, f"{mode}_", exclude_outside=(0, 1) if mode == "cubic" else (0,))
        if mode != "nearest":
            small = Form(mode, _scaled(0.6, 0.5), {"mode": mode}, **since)
            forms += varied(small, f"{mode}_", antialias=(0, 1))
    near = Form("nearest", _scaled(*up), {"mode": "nearest"}, **since)
    halves = near.also("nearest_down", inputs=_scaled(0.5, 0.5))
    rounded = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    forms += varied(near, "up_", nearest_mode=rounded)
    forms += varied(halves, "down_", nearest_mode=rounded)
    forms += varied(
        Form("cubic", _scaled(*up), {"mode": "cubic"}, **since), cubic_coeff_a=(-0.5, -1.0)
    )
    policies = ("stretch", "not_larger", "not_smaller")
    axes = Form("axes", (In(_PLANE), None, None, const([7, 9])), {"axes": [2, 3]}, since=18)
    forms += [axes, axes.also("axes_negative", attributes={"axes": [-2, -1]})]
    forms += varied(axes, keep_aspect_ratio_policy=policies)
    roi = In((8,), values.fixed([0, 0, 0.2, 0.1, 1, 1, 0.8, 1.3]), weight=True)
    crop = Form(
        "crop",
        (In(_PLANE), roi, None, const([1, 2, 4, 5])),
        {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"},
        since=13,
        core=True,
        kinds="float",
    )
    forms += [crop, *varied(crop, extrapolation_value=(0.0, 2.5))]
    forms += [
        Form(
            "one_dimension",
            (In((1, 2, 9)), None, const([1.0, 1.0, 2.0])),
            {"mode": "linear"},
            since=13,
        ),
        Form(
            "dynamic",
            (In(("N", 2, 5, 5)), None, const([1.0, 1.0, 2.0, 2.0])),
            {"mode": "linear"},
            since=13,
            sizes=({"N": 1}, {"N": 3}),
        ),
    ]
    return [_version_11(form) for form in forms] + forms


def _version_11(form: Form) -> Form:
    """Version 11 requires roi and scales; where they are absent it takes empty ones."""
    data, roi, scales, *rest = (*form.inputs, None, None)[:4]
    given = (data, roi or const([], shape=(0,)), scales or const([], shape=(0,)), *rest)
    return form.also(form.label, inputs=given, since=11, before=13, core=form.core)


def _resize_breadth() -> list[Form]:
    """Numbers of every kind, an entry of the batch each; sizes that kernels tell apart."""
    double = const([1.0, 1.0, 2.0, 2.0])
    linear = {"mode": "linear"}
    roi = In((4,), values.fixed([0.2, 0.1, 0.8, 1.3]), weight=True)
    return [
        Form("kinds", (In((7, 2, 3, 4), entries(*FINITE, *ONE)), None, double), linear),
        Form(
            "shapes",
            (In(("N", 2, "H", "W")), None, const([1.0, 1.0, 2.0, 1.5])),
            linear,
            sizes=PLANES,
        ),
        Form("turned", (In(_PLANE), None, None, const([1, 2, 6, 5]))),
        Form(
            "crop_axes",
            (In(_PLANE), roi, None, const([4, 5])),
            {**linear, "axes": [2, 3], "coordinate_transformation_mode": "tf_crop_and_resize"},
        ),
    ]


def _upsample_breadth() -> list[Form]:
    double = const([1.0, 1.0, 2.0, 2.0], "scales")
    return [
        Form("kinds", (In((BATCH, 2, 3, 4), every), double), since=9),
        Form("shapes", (In(("N", 2, "H", "W")), double), sizes=PLANES, since=9),
    ]


def _old_resize() -> list[Form]:
    given = (In(_PLANE), const([1.0, 1.0, 2.0, 3.0], "scales"))
    base = Form("plain", given, core=True, before=11)
    return [
        base,
        *varied(base, mode=("nearest", "linear")),
        base.also(
            "fraction",
            inputs=(In(_PLANE), const([1.0, 1.0, 1.5, 2.5], "scales")),
            attributes={"mode": "linear"},
        ),
        base.also("dynamic", inputs=(In(("N", 2, 5, 6)), given[1]), sizes=({"N": 1}, {"N": 3})),
    ]


def _grid_sample() -> list[Form]:
    grid = values.between(-1.25, 1.25)
    base = Form("plain", (In((2, 3, 5, 6)), In((2, 4, 7, 2), grid)), core=True, kinds="float")
    volume = (In((1, 2, 3, 4, 5)), In((1, 2, 3, 4, 3), grid))
    old, new = ("bilinear", "nearest", "bicubic"), ("linear", "nearest", "cubic")
    forms = [
        base,
        Form("volume", volume, since=20),
        base.also("volume_nearest", inputs=volume, attributes={"mode": "nearest"}, since=20),
    ]
    versions: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
        (old, {"before": 20}),
        (new, {"since": 20}),
    )
    for modes, limits in versions:
        for mode in modes:
            one = Form(mode, base.inputs, {"mode": mode}, **limits)
            kinds: Kind = "any" if mode == "nearest" else "float"
            forms += [one.also(f"mode_{mode}", core=True, kinds=kinds)]
            forms += varied(
                one,
                f"{mode}_",
                padding_mode=("zeros", "border", "reflection"),
                align_corners=(0, 1),
            )
    outside = base.also(
        "outside", inputs=(In((1, 1, 4, 4)), In((1, 3, 3, 2), values.between(-3, 3)))
    )
    forms += [
        outside,
        *varied(outside, "outside_", padding_mode=("zeros", "border", "reflection")),
    ]
    forms += [
        base.also(
            "dynamic",
            inputs=(In(("N", 3, 5, 6)), In(("N", 4, 7, 2), grid)),
            sizes=({"N": 1}, {"N": 3}),
        )
    ]
    return forms


def _grid_breadth() -> list[Form]:
    grid, points = values.between(-0.75, 0.75), In((BATCH, 6, 6, 2), values.between(-1, 1))
    return [
        Form("kinds", (In((BATCH, 2, 4, 5), every), points), {"mode": "nearest"}),
        Form("finite", (In((4, 2, 4, 5), entries(*FINITE)), In((4, 3, 3, 2), grid))),
    ]


def _affine_breadth() -> list[Form]:
    """Coefficients of every kind; what is not finite is in the translation alone."""
    moved = [holding(1.0, 0.5, some) for some in (np.nan, np.inf, -np.inf)]
    theta = entries(*FINITE, *moved)
    count = len(FINITE) + len(moved)
    return [
        Form(
            "kinds", (In((count, 2, 3), theta), const([count, 1, 2, 3])), {"align_corners": 1}
        ),
        Form("many", (In((172, 2, 3)), const([172, 1, 2, 2]))),
    ]


def _affine() -> list[Form]:
    two = Form("two", (In((2, 2, 3)), const([2, 3, 4, 5])), core=True)
    three = Form("three", (In((1, 3, 4)), const([1, 2, 3, 4, 5])))
    return [
        two,
        three,
        *varied(two, align_corners=(0, 1)),
        *varied(three, "three_", align_corners=(0, 1)),
        two.also(
            "given", inputs=(In((2, 2, 3)), In((4,), values.fixed([2, 3, 4, 5]))), ranks=(4,)
        ),
    ]


_BOXES: list[list[list[float]]] = [
    [
        [0, 0, 1, 1],
        [0, 0.125, 1, 1.125],
        [0, -0.125, 1, 0.875],
        [0, 10, 1, 11],
        [0, 10.125, 1, 11.125],
        [0, 100, 1, 101],
    ]
]
# The same boxes, the other two corners of each first.
_FLIPPED = [[[*box[2:], *box[:2]] for box in _BOXES[0]]]
# Read as corners these overlap otherwise than as centres with sizes.
_CENTRES = [
    [[0, 0, 2, 2], [1, 0, 2, 2], [3, 0, 2, 2], [0, 10, 4, 2], [0, 10.5, 4, 2], [0, 100, 2, 2]]
]
# The second overlaps the first by hardly more than a half: in half precision by just that.
_NEAR = [[0, 0, 1, 1], [0, 0, 1, 0.500061], *[[0, 10 * k, 1, 10 * k + 1] for k in range(1, 5)]]
_SCORES = [[[0.875, 0.75, 0.625, 0.9375, 0.5, 0.25], [0.25, 0.5, 0.75, 0.625, 0.875, 0.125]]]


def _suppression() -> list[Form]:
    def form(
        label: str, most: int | None, iou: float | None, score: float | None = None, **more: Any
    ) -> Form:
        boxes = In((1, 6, 4), values.fixed(more.pop("boxes", _BOXES)))
        ends = (
            None if most is None else const([most]),
            None if iou is None else const([iou]),
            None if score is None else const([score]),
        )
        return Form(
            label,
            (boxes, In((1, 2, 6), values.fixed(more.pop("scores", _SCORES))), *ends),
            more.pop("attributes", {}),
            ranks=(2,),
            **more,
        )

    base = form("plain", 3, 0.5)
    return [
        base,
        form("score", 3, 0.5, 0.4375),
        form("all_kept", 9, 1.0),
        form("one", 1, 0.5),
        form("default_iou", 3, None),
        form("none", None, 0.5),
        form("zero", 0, 0.5),
        form("center_point_box_0", 3, 0.5, attributes={"center_point_box": 0}),
        form(
            "center_point_box_1", 3, 0.375, attributes={"center_point_box": 1}, boxes=_CENTRES
        ),
        form("near_threshold", 3, 0.5, boxes=[_NEAR]),
        form("same_boxes", 3, 0.5, boxes=[[[0, 0, 1, 1]] * 6]),
        form("centres_as_corners", 3, 0.375, boxes=_CENTRES),
        form("flipped", 3, 0.5, boxes=_FLIPPED),
        form("equal_scores", 3, 0.5, scores=[[[0.5] * 6, [0.25, 0.75] * 3]]),
        Form("two_batches", _boxes(2, 2, 7), ranks=(2,)),
        Form("one_kept", _boxes(1, 1, 5, 1), ranks=(2,)),
    ]


def _boxes(batches: int, classes: int, count: int, most: int = 4) -> tuple[In, ...]:
    """Boxes that overlap their neighbours less and less; scores that differ."""
    corners = [
        [[k + 0.5 * n, 0.25 * k * k, k + 3, 0.25 * k * k + 2] for k in range(count)]
        for n in range(batches)
    ]
    scores = [
        [[((5 * k + 3 * c + n) % count + 1) / 16 for k in range(count)] for c in range(classes)]
        for n in range(batches)
    ]
    return (
        In((batches, count, 4), values.fixed(corners)),
        In((batches, classes, count), values.fixed(scores)),
        const([most]),
        const([0.375]),
    )


_BMP = (
    b"BM\x4e\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00\x00\x00"
    b"\x03\x00\x00\x00\x01\x00\x18\x00\x00\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    b"\x10\x20\x30\x40\x50\x60\x00\x00\xff\x00\x80\x00\xff\x01\x00\x00\x7f\x3c\xaa\xf0\x0f\x55\x00\x00"
)
_WIDE = b"P6 25 17 255\n" + bytes((37 * k + k * k // 7) % 256 for k in range(25 * 17 * 3))
_PPM = b"P6 2 2 255\n\x01\x02\x03\xff\x80\x40\x00\xff\x00\x10\x20\x30"


def _decoder() -> list[Form]:
    forms: list[Form] = []
    for word, content in (("bmp", _BMP), ("ppm", _PPM), ("wide", _WIDE)):
        base = Form(word, (In((len(content),), values.fixed(list(content))),))
        forms += [base]
        if word != "wide":
            forms += varied(base, f"{word}_", pixel_format=("RGB", "BGR", "Grayscale"))
    return forms


FAMILIES = (
    Family(
        ("Resize",),
        [*_old_resize(), *_resize(), *newest("Resize", _resize_breadth())],
        typing="free",
        carries="whole",
    ),
    Family(("Upsample",), [*_old_resize(), *_upsample_breadth()], carries="whole"),
    Family(
        ("GridSample",),
        [*_grid_sample(), *newest("GridSample", _grid_breadth())],
        typing="free",
        carries="whole",
    ),
    Family(("AffineGrid",), [*_affine(), *newest("AffineGrid", _affine_breadth())]),
    Family(("NonMaxSuppression",), _suppression()),
    Family(("ImageDecoder",), _decoder()),
)

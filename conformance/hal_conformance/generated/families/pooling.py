"""Pooling: windows, whole planes, regions; and MaxUnpool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.entries import BATCH, FINITE, OTHER, entries, every
from hal_conformance.generated.form import Family, Form, In, varied
from hal_conformance.generated.newest import FULL, PLANES, newest, sizes
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import Array

_N = ({"N": 1}, {"N": 3})


def _windows(*, maximum: bool, **more: Sequence[Any]) -> list[Form]:
    make = values.any_ if not maximum else values.shuffled

    def form(label: str, x: Any, kernel: Sequence[int], **rest: Any) -> Form:
        attributes = {"kernel_shape": list(kernel), **rest.pop("attributes", {})}
        return Form(label, (In(x, rest.pop("make", make)),), attributes, **rest)

    base = form("plain", (2, 3, 7, 9), (3, 3), core=True)
    ceil = {"strides": [2, 2], "ceil_mode": 1}
    return [
        base,
        *varied(
            base,
            pads=([1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]),
            strides=([2, 2], [3, 1], [1, 1]),
            dilations=([2, 2], [1, 2], [1, 1]),
            auto_pad=("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
            ceil_mode=(0,),
            **more,
        ),
        form("ceil", (1, 2, 8, 9), (3, 3), attributes=ceil, core=True),
        form("ceil_pads", (1, 2, 8, 9), (3, 3), attributes={**ceil, "pads": [1, 1, 1, 1]}),
        form(
            "everything",
            (1, 2, 11, 13),
            (3, 2),
            attributes={"strides": [2, 1], "pads": [1, 0, 1, 1], "dilations": [2, 1]},
            since=10,
        ),
        *(
            form(
                f"same_{p.lower()}",
                (1, 2, 8, 9),
                (3, 2),
                attributes={"auto_pad": p, "strides": [2, 2]},
            )
            for p in ("SAME_UPPER", "SAME_LOWER")
        ),
        form("one_dimension", (2, 3, 33), (4,), core=True),
        form("three_dimensions", (1, 2, 5, 6, 5), (2, 3, 2)),
        form("large", (1, 2, 33, 33), (31, 31), core=True),
        form("kernel_one", (1, 2, 5, 5), (1, 1)),
        form(
            "negative",
            (1, 1, 5, 5),
            (3, 3),
            make=values.between(-9, -1),
            kinds="signed",
            attributes={"pads": [1, 1, 1, 1]},
        ),
        form("dynamic_batch", ("N", 3, 8, 8), (3, 3), sizes=_N),
        form("dynamic_area", (1, 2, "N", 9), (3, 3), sizes=({"N": 5}, {"N": 12})),
    ]


def _max_indices() -> list[Form]:
    base = Form(
        "indices",
        (In((2, 3, 7, 9), values.shuffled),),
        {"kernel_shape": [3, 3]},
        core=True,
        outputs=(True, True),
    )
    return [
        base,
        *varied(base, storage_order=(0, 1)),
        base.also("indices_strides", attributes={"strides": [2, 2]}),
        base.also("indices_pads", attributes={"pads": [1, 1, 1, 1]}),
        base.also(
            "indices_one_dimension",
            inputs=(In((2, 3, 17), values.shuffled),),
            attributes={"kernel_shape": [3]},
        ),
        base.also("indices_ties", inputs=(In((1, 2, 6, 6), values.ties),)),
    ]


def _count_include() -> list[Form]:
    base = Form(
        "included",
        (In((2, 3, 7, 9)),),
        {"kernel_shape": [3, 3], "pads": [1, 2, 1, 0], "count_include_pad": 1},
    )
    return [
        base,
        base.also("not_included", attributes={"count_include_pad": 0}),
        base.also("included_strides", attributes={"strides": [2, 2]}),
        base.also("included_ceil", attributes={"strides": [2, 2], "ceil_mode": 1}),
        base.also("included_dilations", attributes={"dilations": [2, 2]}),
    ]


def _global() -> list[Form]:
    return [
        Form("plain", (In((2, 3, 5, 7)),), core=True),
        Form("long", (In((1, 2, 33, 33)),), core=True),
        Form("one_dimension", (In((2, 3, 17)),)),
        Form("three_dimensions", (In((1, 2, 3, 4, 5)),)),
        Form("size_one", (In((2, 3, 1, 1)),)),
        Form("large_and_small", (In((1, 2, 32, 32), values.large_and_small),)),
        Form("dynamic", (In(("N", 3, "H", 5)),), sizes=({"N": 1, "H": 4}, {"N": 2, "H": 9})),
    ]


_FRACTIONS = Form(
    "fractions", (In((2, 3, 7, 9)),), {"kernel_shape": [3, 3]}, core=True, kinds="float"
)

_LP = varied(Form("norm", (In((2, 3, 5, 7)),)), p=(1, 2, 3))

_UNPOOL_AT = In((1, 1, 2, 2), values.fixed([[[[5, 7], [13, 15]]]]))
_UNPOOL = Form(
    "plain",
    (In((1, 1, 2, 2)), _UNPOOL_AT),
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    core=True,
)


def _unpool() -> list[Form]:
    shaped = (*_UNPOOL.inputs, In((4,), values.fixed([1, 1, 5, 5])))
    dense = (In((1, 1, 2, 2)), In((1, 1, 2, 2), values.fixed([[[[0, 2], [3, 5]]]])))
    return [
        _UNPOOL,
        _UNPOOL.also("output_shape", inputs=shaped, ranks=(4,)),
        _UNPOOL.also("pads_none", attributes={"pads": [0, 0, 0, 0]}),
        _UNPOOL.also(
            "kernel_three",
            inputs=dense,
            attributes={"kernel_shape": [2, 3], "strides": [1, 1], "pads": [0, 1, 0, 1]},
        ),
        Form("no_strides", dense, {"kernel_shape": [2, 2]}),
    ]


def _regions() -> list[Form]:
    rois = In((3, 5), values.fixed([[0, 0, 0, 4, 5], [1, 1, 2, 6, 6], [0, 3, 1, 3, 7]]))
    base = Form("plain", (In((2, 3, 8, 9)), rois), {"pooled_shape": [2, 2]}, core=True)
    return [
        base,
        *varied(base, spatial_scale=(1.0, 0.5), pooled_shape=([1, 1], [3, 2])),
    ]


def _align() -> list[Form]:
    rois = In((3, 4), values.fixed([[0, 0, 4, 5], [1.5, 2, 6.25, 6], [3, 1, 3.5, 7]]))
    at = In((3,), values.fixed([0, 1, 0]))
    base = Form("plain", (In((2, 3, 8, 9)), rois, at), core=True)
    wide = base.also("wide", attributes={"output_height": 3, "output_width": 2}, core=True)
    return [
        base,
        wide,
        *varied(
            wide,
            mode=("avg", "max"),
            sampling_ratio=(0, 1, 2, 3),
            spatial_scale=(1.0, 0.5),
            coordinate_transformation_mode=("half_pixel", "output_half_pixel"),
            output_height=(1, 5),
            output_width=(1, 5),
        ),
    ]


def _window_breadth() -> list[Form]:
    """Numbers of every kind, an entry of the batch each; sizes that kernels tell apart."""
    two = {"kernel_shape": [2, 3], "strides": [1, 2], "pads": [0, 1, 1, 1]}
    return [
        Form("kinds", (In((BATCH, 2, 3, 5), every),), {"kernel_shape": [2, 2]}),
        Form("shapes", (In(("N", 3, "H", "W")),), two, sizes=PLANES),
        Form("column", (In((2, 3, 7, 1)),), {"kernel_shape": [3, 1]}),
        Form(
            "terms",
            (In((1, 1, 65, 65), values.positive),),
            {"kernel_shape": [64, 64], "strides": [1, 1]},
        ),
    ]


def _global_breadth() -> list[Form]:
    wide = sizes(
        "NCHW", (1, 8, 3, 5), (1, 8, 3, 5), (3, 357, 2, 2), (33, 41, 1, 3), (0, 3, 2, 2)
    )
    return [
        Form("kinds", (In((BATCH, 3, 2, 3), every),)),
        Form("shapes", (In(("N", "C", "H", "W")),), sizes=wide),
    ]


def _in_windows(draw: Draw, shape: Shape, _: DType) -> Array:
    """A place in each window of two by two of planes that lie one after the other."""
    rows, columns = shape[-2:]
    plane = (
        np.arange(int(np.prod(shape[:-2]))).reshape((*shape[:-2], 1, 1)) * 4 * rows * columns
    )
    row = 2 * np.arange(rows)[:, None] + draw.integers(0, 2, int(np.prod(shape))).reshape(shape)
    column = 2 * np.arange(columns) + draw.integers(0, 2, int(np.prod(shape))).reshape(shape)
    return np.asarray(plane + row * 2 * columns + column, np.int64)


def _unpool_breadth() -> list[Form]:
    two = {"kernel_shape": [2, 2], "strides": [2, 2]}
    corners = values.fixed([[[[0, 2], [6, 8]]]])
    return [
        Form(
            "corners", (In((1, 1, 2, 2)), In((1, 1, 2, 2), corners)), {"kernel_shape": [2, 2]}
        ),
        Form("kinds", (In((BATCH, 1, 2, 3), every), In((BATCH, 1, 2, 3), _in_windows)), two),
        Form(
            "shapes",
            (In(("N", 2, "H", "W")), In(("N", 2, "H", "W"), _in_windows)),
            two,
            sizes=PLANES,
        ),
    ]


def _regions_breadth() -> list[Form]:
    whole = [[k, 0, 0, 4, 3] for k in range(BATCH)]
    rois = [[0, k % 2, k // 4, k % 2 + 1 + k // 3, k // 4 + 2 - k % 2] for k in range(8)]
    return [
        Form(
            "kinds",
            (In((BATCH, 2, 4, 5), every), In((BATCH, 5), values.fixed(whole))),
            {"pooled_shape": [2, 3]},
        ),
        Form(
            "zeros",
            (In((1, 2, 5, 8), values.ties), In((8, 5), values.fixed(rois))),
            {"pooled_shape": [2, 3]},
        ),
        Form(
            "shapes",
            (In(("N", 33, "H", "W")), In((8, 5), values.fixed(rois))),
            {"pooled_shape": [2, 2]},
            sizes=FULL,
        ),
    ]


def _align_breadth() -> list[Form]:
    rois = [[0, 0, 4, 5], [1.5, 2, 6.25, 6], [3, 1, 3.5, 7], [-1, -2, 9, 11]]
    grid = {"output_height": 3, "output_width": 3, "sampling_ratio": 2}

    def of_kinds(label: str, kinds: Sequence[Maker]) -> Form:
        count = len(kinds)
        x = In((count, 2, 4, 5), entries(*kinds))
        whole = In((count, 4), values.fixed([[0, 0, 4, 3]] * count))
        return Form(label, (x, whole, In((count,), values.fixed(list(range(count))))), grid)

    return [
        of_kinds("finite", FINITE),
        of_kinds("not_finite", OTHER),
        Form(
            "shapes",
            (
                In(("N", 29, "H", "W")),
                In((4, 4), values.fixed(rois)),
                In((4,), values.fixed([0, 0, 0, 0])),
            ),
            grid,
            sizes=FULL,
        ),
    ]


FAMILIES = (
    Family(
        ("AveragePool",),
        [
            *_windows(maximum=False),
            *_count_include(),
            *newest("AveragePool", _window_breadth()),
        ],
    ),
    Family(
        ("MaxPool",),
        [
            *_windows(maximum=True),
            *_max_indices(),
            _FRACTIONS,
            *newest("MaxPool", _window_breadth()[:-1]),
        ],
    ),
    Family(
        ("LpPool",),
        [*_windows(maximum=False, p=(1, 2, 3)), *newest("LpPool", _window_breadth())],
    ),
    *(
        Family((op,), [*_global(), *newest(op, _global_breadth())])
        for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
    ),
    Family(("GlobalLpPool",), _LP),
    Family(("MaxUnpool",), [*_unpool(), *newest("MaxUnpool", _unpool_breadth())]),
    Family(("MaxRoiPool",), [*_regions(), *newest("MaxRoiPool", _regions_breadth())]),
    Family(("RoiAlign",), [*_align(), *newest("RoiAlign", _align_breadth())]),
)

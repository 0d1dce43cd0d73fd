"""Operators that pick or place elements by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, const, varied

_SIZES = ({"N": 3}, {"N": 8})


def _gather() -> list[Form]:
    def form(label: str, data: Any, indices: Any, axis: int | None, **more: Any) -> Form:
        size = more.pop("size")
        # Before version 11 indices count from the front alone.
        make = values.index(size) if more.get("before", 0) != 11 else values.whole(0, size)
        given = (In(data), In(indices, make))
        return Form(label, given, {} if axis is None else {"axis": axis}, **more)

    old = [
        form("rows", (7, 5), (4,), None, size=7, core=True, before=11),
        form("axis_1", (3, 17, 2), (2, 3), 1, size=17, core=True, before=11),
        form("long", (31, 33), (1031,), 0, size=31, before=11),
        form("dynamic", (7, "N"), ("N",), 0, size=7, sizes=_SIZES, before=11),
    ]
    return [
        *old,
        form("rows", (7, 5), (4,), None, size=7, core=True, since=11),
        form("axis_1", (3, 17, 2), (2, 3), 1, size=17, core=True, since=11),
        form("negative_axis", (3, 17), (5,), -1, size=17, since=11),
        form("axis0", (7, 5), (2, 2), 0, size=7, since=11),
        form("scalar", (7, 5), (), 0, size=7, since=11),
        form("empty", (7, 5), (0,), 0, size=7, since=11),
        form("long", (31, 33), (1031,), 0, size=31, since=11),
        form("dynamic", (7, "N"), ("N",), 0, size=7, sizes=_SIZES, since=11),
        Form("constant", (In((7, 5)), const([0, -1, 3])), since=11),
    ]


def _gather_elements() -> list[Form]:
    def form(
        label: str, data: Any, indices: Any, axis: int | None, size: int, **more: Any
    ) -> Form:
        given = (In(data), In(indices, values.index(size)))
        return Form(label, given, {} if axis is None else {"axis": axis}, **more)

    return [
        form("rows", (5, 3), (7, 3), None, 5, core=True),
        form("axis1", (3, 17), (3, 4), 1, 17, core=True),
        form("axis0", (5, 3), (2, 3), 0, 5),
        form("negative_axis", (3, 4, 5), (3, 4, 2), -1, 5),
        form("smaller", (5, 6), (2, 3), 0, 5),
        form("empty", (5, 3), (0, 3), 0, 5),
        form("dynamic", ("N", 6), ("N", 2), 1, 6, sizes=_SIZES),
    ]


def _gather_nd() -> list[Form]:
    def form(
        label: str, data: Any, indices: Any, size: int, batch: int = 0, **more: Any
    ) -> Form:
        given = (In(data), In(indices, values.index(size)))
        return Form(label, given, {"batch_dims": batch} if batch else {}, **more)

    return [
        form("points", (4, 4, 3), (5, 2), 4, core=True),
        form("elements", (4, 4), (7, 2), 4),
        form("rank3", (4, 4, 3), (2, 3, 1), 4),
        form("batch_0", (4, 4), (3, 1), 4),
        form("batch_1", (3, 4, 5), (3, 2, 1), 4, 1, since=12),
        form("batch_2", (2, 3, 4), (2, 3, 1), 4, 2, since=12),
        form("empty", (4, 4), (0, 1), 4),
        form("dynamic", (4, 4), ("N", 2), 4, sizes=_SIZES),
    ]


def _apart(size: int, rows: bool) -> values.Maker:
    """Indices along one axis that never meet: shuffled, per column or per row."""

    def make(draw: Draw, shape: values.Shape, dtype: Any) -> Any:
        columns = [draw.permutation(size)[: shape[0]] for _ in range(shape[1])]
        if not rows:
            columns = [draw.permutation(size)[: shape[1]] for _ in range(shape[0])]
            return values.as_type(np.stack(columns), dtype)
        return values.as_type(np.stack(columns, axis=1), dtype)

    return make


_REDUCTIONS = ("none", "add", "mul", "max", "min")


def _scatter_elements() -> list[Form]:
    def form(
        label: str, data: Any, indices: Any, make: Any, axis: int | None, **more: Any
    ) -> Form:
        attributes = dict(more.pop("attributes", {}))
        if axis is not None:
            attributes["axis"] = axis
        return Form(label, (In(data), In(indices, make), In(indices)), attributes, **more)

    return [
        form("rows", (7, 3), (4, 3), _apart(7, True), None, core=True),
        form("axis1", (3, 17), (3, 5), _apart(17, False), 1, core=True),
        form("negative_axis", (3, 9), (3, 2), _apart(9, False), -1),
        form("axis0", (7, 3), (2, 3), _apart(7, True), 0),
        form("empty", (7, 3), (0, 3), values.index(7), 0),
        *(
            form(
                f"reduction_{r}",
                (5, 9),
                (5, 9),
                values.index(9) if r != "none" else _apart(9, False),
                1,
                attributes={"reduction": r},
                kinds="number",
                since=16 if r in ("none", "add", "mul") else 18,
                core=True,
                only=_real,
            )
            for r in _REDUCTIONS
        ),
        *(
            Form(
                f"wide_{r}_reduction",
                (In((5, 9), values.wide), In((5, 9), values.index(9)), In((5, 9), values.wide)),
                {"axis": 1, "reduction": r},
                core=True,
                kinds="whole",
                since=18,
            )
            for r in ("max", "min")
        ),
        form("dynamic", ("N", 6), ("N", 2), _apart(6, False), 1, sizes=_SIZES),
    ]


def _real(binding: Binding) -> bool:
    return "complex" not in binding["T"] and "string" not in binding["T"]


def _scatter_nd() -> list[Form]:
    rows = In((3, 1), values.fixed([[4], [1], [-2]]))
    met = In((4, 1), values.fixed([[1], [1], [0], [1]]))
    wide = In((4, 4), values.wide)
    return [
        *(
            Form(
                f"wide_{r}",
                (In((5, 4), values.wide), met, wide),
                {"reduction": r},
                core=True,
                kinds="whole",
                since=18,
            )
            for r in ("max", "min")
        ),
        Form("rows", (In((7, 5)), rows, In((3, 5))), core=True),
        Form(
            "points",
            (In((4, 4)), In((3, 2), values.fixed([[0, 1], [3, 3], [-1, 0]])), In((3,))),
        ),
        Form("rank3", (In((4, 2, 3)), In((2, 1), values.fixed([[0], [2]])), In((2, 2, 3)))),
        Form("empty", (In((4, 2)), In((0, 1), values.index(4)), In((0, 2)))),
        *(
            Form(
                f"reduction_{r}",
                (In((5, 4)), rows if r == "none" else met, In((3 if r == "none" else 4, 4))),
                {"reduction": r},
                core=True,
                kinds="number",
                only=_real,
                since=16 if r in ("none", "add", "mul") else 18,
            )
            for r in _REDUCTIONS
        ),
        Form("dynamic", (In((7, "N")), rows, In((3, "N"))), sizes=_SIZES),
    ]


def _tensor_scatter() -> list[Form]:
    start = In((2,), values.fixed([1, 3]))
    base = Form("plain", (In((2, 3, 6, 4)), In((2, 3, 2, 4)), start), core=True)
    return [
        base,
        base.also("from_zero", inputs=base.inputs[:2]),
        *varied(base, mode=("linear", "circular"), axis=(-2,)),
        *varied(Form("last", (In((2, 3, 6)), In((2, 3, 2)), start)), axis=(2, -1)),
        base.also(
            "axis_1", inputs=(In((2, 6, 4)), In((2, 2, 4)), start), attributes={"axis": 1}
        ),
        base.also(
            "wraps",
            inputs=(*base.inputs[:2], In((2,), values.fixed([5, 0]))),
            attributes={"mode": "circular"},
        ),
    ]


def _deeper(depth: int) -> Any:
    """Whether the types of indices and depth hold the depth, and need to."""

    def holds(binding: Binding) -> bool:
        bytes_ = any(text in ("tensor(int8)", "tensor(uint8)") for text in binding.values())
        return bytes_ == (depth < 128) and binding["T3"] == "tensor(float)"

    return holds


def _four_bytes(binding: Binding) -> bool:
    return any("int32" in text for text in binding.values()) and _deeper(128)(binding)


def _one_hot() -> list[Form]:
    ends = In((2,), values.fixed([0, 1]), weight=True)

    def form(label: str, indices: Any, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        make = more.pop("make", values.whole(0, 5))
        ends = In((2,), values.fixed([0, 1]), weight=True)
        return Form(label, (In(indices, make), const(5), ends), attributes, **more)

    base = form("plain", (3, 4), core=True)
    return [
        base,
        *varied(base, axis=(0, 1, 2, -1, -2)),
        form("outside", (9,), make=values.whole(-7, 8), since=11),
        form(
            "from_the_end",
            (3, 5),
            make=values.whole(-5, 5),
            since=11,
            core=True,
            kinds="signed_whole",
        ),
        form("empty", (0,)),
        form("values", (7,), core=False).also(
            "values",
            inputs=(In((7,), values.whole(0, 5)), const(5), In((2,), values.fixed([2, 3]))),
        ),
        Form(
            "values_held",
            (In((7,), values.whole(0, 5)), const(5), In((2,), values.held)),
            core=True,
        ),
        *(
            Form(
                f"deep_{depth}",
                (In((3,), values.fixed(at)), const(depth), ends),
                core=True,
                only=_deeper(depth),
            )
            for depth, at in ((4101, [2051, 3, 4095]), (120, [100, 3, 17]))
        ),
        Form(
            "deep_66001",
            (In((2,), values.fixed([65999, 5])), const(66001), ends),
            core=True,
            since=11,
            only=_four_bytes,
        ),
        form("dynamic", ("N", 2), sizes=_SIZES),
        Form(
            "given",
            (
                In((3,), values.whole(0, 5)),
                In((), values.fixed(5)),
                In((2,), values.fixed([2, 5])),
            ),
            ranks=(2,),
        ),
        Form(
            "given_again",
            (In(("N",), values.whole(0, 5)), const(5), In((2,), values.whole(1, 99))),
            sizes=({"N": 3}, {"N": 3}, {"N": 8}),
        ),
    ]


def _compress() -> list[Form]:
    chosen = In((4,), values.fixed([1, 0, 1, 1]))
    base = Form("flat", (In((3, 4)), In((9,), values.cycle((1, 0, 1)))), core=True, ranks=(1,))
    rows = base.also("rows", ranks=(2,))
    return [
        base,
        rows.also("axis_0", inputs=(In((4, 3)), chosen), attributes={"axis": 0}),
        rows.also("axis_1", inputs=(In((3, 5)), chosen), attributes={"axis": 1}),
        rows.also("axis_-1", inputs=(In((3, 5)), chosen), attributes={"axis": -1}, since=11),
        base.also("none", inputs=(In((4,)), In((4,), values.fixed([0, 0, 0, 0])))),
        rows.also(
            "dynamic", inputs=(In((4, "N")), chosen), attributes={"axis": 0}, sizes=_SIZES
        ),
    ]


_NON_ZERO = (
    Form("plain", (In((5, 7), values.ties),), core=True),
    Form("scalar_like", (In((1,), values.fixed([1])),), kinds="number"),
    Form("none", (In((3, 4), values.cycle((0,))),), kinds="number"),
    Form("special", (In((60,), values.special),), kinds="float"),
    Form("vanishing", (In((7, 11), values.vanishing),), core=True, kinds="number"),
    Form("rank3", (In((2, 3, 5), values.ties),)),
    Form("far", (In((3, 401), values.ties),)),
    Form("empty", (In((0, 3)),)),
    Form("dynamic", (In(("N", 2), values.ties),), sizes=_SIZES),
)


FAMILIES = (
    Family(("Gather",), _gather(), carries="all"),
    Family(("GatherElements",), _gather_elements(), carries="all"),
    Family(("GatherND",), _gather_nd(), carries="all"),
    Family(("ScatterElements",), _scatter_elements(), carries="all"),
    Family(
        ("Scatter",),
        [f for f in _scatter_elements() if "reduction" not in f.label],
        carries="all",
    ),
    Family(("ScatterND",), _scatter_nd(), carries="all"),
    Family(("TensorScatter",), _tensor_scatter(), carries="all"),
    Family(("OneHot",), _one_hot(), typing="free"),
    Family(("Compress",), _compress(), carries="all"),
    Family(("NonZero",), _NON_ZERO),
)

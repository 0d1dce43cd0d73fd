"""Operators that move elements or describe a shape, and change no value."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Binding, Family, Form, In, const, varied

_SIZES = ({"N": 3, "M": 5}, {"N": 7, "M": 16})
_DYNAMIC = ("N", "M")


def _reshape() -> list[Form]:
    def form(label: str, shape: Any, to: list[int], **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        return Form(label, (In(shape), const(to)), attributes, **more)

    return [
        form("plain", (2, 3, 4), [4, 6], core=True),
        form("infer", (2, 3, 4), [-1, 8]),
        form("copy", (2, 3, 4), [0, -1]),
        form("scalar", (1, 1), []),
        form("from_scalar", (), [1, 1]),
        form("empty", (0, 3, 4), [3, 0, 2], since=14, attributes={"allowzero": 1}),
        form("allowzero_0", (2, 3, 4), [0, 12], attributes={"allowzero": 0}),
        form("empty_inferred", (0, 3), [3, -1]),
        form("large", (31, 33), [33, 31]),
        form("dynamic", _DYNAMIC, [1, -1], sizes=_SIZES),
        Form("given", (In((2, 3, 4)), In((2,), values.fixed([4, -1]))), ranks=(2,)),
    ]


def _transpose() -> list[Form]:
    base = Form("reverse", (In((2, 3, 5)),), core=True)
    return [
        base,
        Form("matrix", (In((33, 17)),), {"perm": [1, 0]}, core=True),
        *varied(base, perm=([0, 2, 1], [2, 0, 1], [0, 1, 2], [1, 2, 0])),
        Form("scalar", (In(()),), ranks=(0,)),
        Form("vector", (In((19,)),), {"perm": [0]}),
        Form("rank6", (In((2, 3, 1, 4, 2, 3)),), {"perm": [5, 3, 1, 0, 2, 4]}),
        Form("channels_last", (In((2, 3, 5, 7)),), {"perm": [0, 2, 3, 1]}),
        Form("empty", (In((0, 3)),), {"perm": [1, 0]}),
        Form("dynamic", (In(_DYNAMIC),), {"perm": [1, 0]}, sizes=_SIZES),
    ]


def _flatten() -> list[Form]:
    base = Form("plain", (In((2, 3, 4, 5)),), core=True)
    return [
        base,
        *varied(base, axis=(0, 1, 2, 3, 4)),
        Form("negative", (In((2, 3, 4, 5)),), {"axis": -1}, since=11),
        Form("vector", (In((7,)),), {"axis": 0}),
        Form("scalar", (In(()),), {"axis": 0}, since=9),
        Form("empty", (In((2, 0, 3)),)),
        Form("dynamic", (In(("N", 2, "M")),), sizes=_SIZES),
    ]


def _axes(op_squeezes: bool) -> list[Form]:
    def form(label: str, shape: Any, axes: list[int] | None, **more: Any) -> Form:
        given = None if axes is None else const(axes, "axes")
        return Form(label, (In(shape), given), **more)

    if op_squeezes:
        return [
            form("plain", (1, 3, 1, 5), [0], core=True),
            form("two", (1, 3, 1, 5), [0, 2]),
            form("negative", (1, 3, 1, 5), [-2], since=11),
            form("absent", (1, 3, 1, 5), None),
            form("to_scalar", (1,), [0]),
            form("last", (3, 1, 4, 1), [-1], since=11),
            form("empty", (1, 0), [0]),
            form("dynamic", ("N", 1, "M"), [1], sizes=_SIZES),
        ]
    return [
        form("plain", (3, 5), [0], core=True),
        form("two", (3, 5), [1, 3]),
        form("unsorted", (3, 5), [3, 0], since=11),
        form("negative", (3, 5), [-1], since=11),
        form("scalar", (), [0]),
        form("empty", (0, 3), [1]),
        form("dynamic", _DYNAMIC, [1], sizes=_SIZES),
    ]


def _concat() -> list[Form]:
    def form(label: str, axis: int, *shapes: Any, **more: Any) -> Form:
        return Form(label, tuple(map(In, shapes)), {"axis": axis}, **more)

    return [
        form("first", 0, (2, 3), (1, 3), core=True),
        form("last", 1, (3, 5), (3, 1), (3, 17), core=True),
        form("negative", -1, (2, 3, 4), (2, 3, 1), since=11),
        form("middle", 1, (2, 3, 4), (2, 1, 4)),
        form("one", 0, (5,)),
        form("many", 0, *[(3,)] * 11),
        form("empty", 0, (0, 3), (2, 3)),
        form("dynamic", 0, _DYNAMIC, _DYNAMIC, sizes=_SIZES),
    ]


def _split() -> list[Form]:
    def form(label: str, shape: Any, split: list[int] | None, count: int, **more: Any) -> Form:
        attributes = more.pop("attributes", {})
        given = None if split is None else const(split, "split")
        outputs = (True,) * count
        return Form(label, (In(shape), given), attributes, outputs=outputs, **more)

    return [
        form("uneven", (7, 3), [2, 4, 1], 3, core=True),
        form("last", (2, 9), [4, 5], 2, attributes={"axis": 1}),
        form("negative", (2, 9), [4, 5], 2, attributes={"axis": -1}, since=11),
        form("zero", (4, 3), [0, 4], 2),
        form("even", (6, 3), None, 3, before=18),
        form("num_outputs", (6, 3), None, 3, attributes={"num_outputs": 3}),
        form("num_outputs_uneven", (7, 3), None, 3, attributes={"num_outputs": 3}),
        form("one", (5,), None, 1, attributes={"num_outputs": 1}),
        form("dynamic", ("N", 5), [2, 3], 2, attributes={"axis": 1}, sizes=_SIZES),
    ]


_END = 2**63 - 1


def _slice() -> list[Form]:
    def form(label: str, shape: Any, starts: Any, ends: Any, *rest: Any, **more: Any) -> Form:
        names = ("starts", "ends", "axes", "steps")
        given = [
            const(v, n) if v is not None else None
            for n, v in zip(names, (starts, ends, *rest), strict=False)
        ]
        return Form(label, (In(shape), *given), **more)

    return [
        form("plain", (5, 7), [1, 2], [4, 6], core=True),
        form("axes", (5, 7, 3), [2], [5], [1]),
        form("negative", (5, 7), [-4], [-1], [1], core=True),
        form("clamped", (5, 7), [-100, 3], [100, _END // 2**33], [0, 1]),
        form("steps", (5, 17), [0, 1], [5, 16], [0, 1], [2, 3], core=True),
        form("reverse", (5, 7), [-1], [-100], [1], [-1]),
        form("reverse_two", (5, 7), [4, 6], [0, -8], [0, 1], [-2, -3]),
        form("negative_axes", (5, 7), [1], [3], [-1], [1], since=11),
        form("last_of_three", (5, 7, 6), [1], [3], [-1], [1], since=11),
        form("nothing", (5, 7), [3], [3], [0]),
        form("no_axes", (5, 7), [1, 0], [3, 7], None, [1, 2]),
        form("dynamic", _DYNAMIC, [1], [-1], [1], sizes=_SIZES),
        Form(
            "given",
            (In((5, 7)), In((2,), values.fixed([1, 2])), In((2,), values.fixed([4, 6]))),
            since=10,
            ranks=(2,),
        ),
    ]


def _has_zero(binding: Binding) -> bool:
    """float8e8m0 has none, and what pads it is not said."""
    return "float8e8m0" not in binding["T"]


def _pad() -> list[Form]:
    def form(label: str, shape: Any, pads: list[int], *rest: Any, **more: Any) -> Form:
        attributes = {"mode": more.pop("mode")} if "mode" in more else {}
        value, axes = (*rest, None, None)[:2]
        given = (
            const(pads, "pads"),
            None if value is None else const(value, "value"),
            None if axes is None else const(axes, "axes"),
        )
        return Form(label, (In(shape), *given), attributes, **more)

    return [
        form("zeros", (3, 5), [1, 2, 0, 3], core=True, only=_has_zero),
        form("value", (3, 5), [1, 0, 2, 1], 1, core=True),
        form("constant", (3, 5), [1, 0, 2, 1], 1, mode="constant"),
        form("reflect", (4, 5), [1, 2, 3, 1], mode="reflect", core=True),
        form("edge", (3, 5), [1, 2, 0, 3], mode="edge", core=True),
        form("wrap", (3, 5), [1, 2, 0, 3], mode="wrap", since=19),
        form("crop", (5, 7), [-1, 2, -2, -3]),
        form("nothing", (3, 5), [0, 0, 0, 0]),
        form("axes", (2, 3, 5), [1, 2], None, [1], since=18),
        # onnx infers no shape from int32 axes that are initializers.
        Form(
            "axes_given",
            (In((2, 3, 5)), const([1, 2, 0, 3]), None, In((2,), values.fixed([1, 2]))),
            since=18,
            core=True,
            only=_has_zero,
            ranks=(3,),
        ),
        form("negative_axes", (2, 3, 5), [1, 2, 0, 1], None, [-1, 0], since=18),
        form("second_of_four", (2, 3, 4, 4), [1, 2], None, [1], since=18),
        form("empty", (0, 3), [2, 0, 1, 0]),
        form("rank4", (2, 3, 5, 7), [0, 0, 1, 2, 0, 0, 3, 1]),
        form("dynamic", _DYNAMIC, [1, 1, 0, 2], sizes=_SIZES),
        Form("given", (In((3, 5)), In((4,), values.fixed([1, 2, 0, 3]))), ranks=(2,)),
    ]


_TILE = (
    Form("plain", (In((2, 3)), const([2, 3])), core=True),
    Form("rank4", (In((1, 3, 1, 5)), const([2, 1, 3, 1]))),
    Form("zero", (In((2, 3)), const([0, 2]))),
    Form("ones", (In((2, 3)), const([1, 1]))),
    Form("long", (In((17,)), const([61]))),
    Form("dynamic", (In(_DYNAMIC), const([2, 3])), sizes=_SIZES),
    Form("given", (In((2, 3)), In((2,), values.fixed([2, 3]))), ranks=(2,)),
    Form("four", (In((2, 3, 4, 5)), const([2, 3, 2, 2]))),
    Form("four_given", (In((2, 3, 4, 5)), In((4,), values.fixed([2, 3, 2, 2]))), ranks=(4,)),
)

_EXPAND = (
    Form("plain", (In((3, 1)), const([2, 1, 6])), core=True),
    Form("ones_kept", (In((3, 5)), const([1, 1]))),
    Form("scalar", (In(()), const([2, 3]))),
    Form("to_empty", (In((3, 1)), const([3, 0]))),
    Form("same", (In((3, 5)), const([3, 5]))),
    Form("long", (In((1, 17)), const([61, 17]))),
    Form("dynamic", (In(("N", 1)), const([1, 5])), sizes=_SIZES),
    Form("given", (In((3, 1)), In((3,), values.fixed([2, 1, 6]))), ranks=(3,)),
)

_IDENTITY = (
    Form("plain", (In((3, 5)),), core=True),
    Form("scalar", (In(()),)),
    Form("empty", (In((0, 3)),)),
    Form("special", (In((60,), values.special),)),
    Form("dynamic", (In(_DYNAMIC),), sizes=_SIZES),
)


def _shape() -> list[Form]:
    base = Form("plain", (In((3, 1, 5)),), core=True)
    return [
        base,
        *varied(base, start=(0, 1, -1, -2, 3, 9), end=(0, 1, -1, 3, 9)),
        base.also("middle", attributes={"start": 1, "end": -1}),
        base.also("none", attributes={"start": 2, "end": 1}),
        Form("scalar", (In(()),)),
        Form("empty", (In((0, 3)),)),
        Form("dynamic", (In(_DYNAMIC),), sizes=_SIZES),
    ]


def _blocks() -> list[Form]:
    base = Form("plain", (In((2, 16, 4, 6)),), {"blocksize": 2}, core=True)
    return [
        base,
        *varied(base, mode=("DCR", "CRD"), blocksize=(1,)),
        base.also("three", inputs=(In((1, 18, 3, 6)),), attributes={"blocksize": 3}),
        base.also("square", inputs=(In((2, 8, 6, 6)),)),
        base.also("dynamic", inputs=(In(("N", 8, 4, 6)),), sizes=({"N": 1}, {"N": 3})),
    ]


def _trilu() -> list[Form]:
    def form(
        label: str, shape: Any, k: int | None, upper: int | None = None, **more: Any
    ) -> Form:
        given = None if k is None else const(k)
        return Form(
            label, (In(shape), given), {} if upper is None else {"upper": upper}, **more
        )

    return [
        form("default", (4, 5), None, core=True),
        form("lower", (5, 4), None, 0, core=True),
        form("upper", (2, 4, 5), 0, 1),
        *(form(f"k_{k}_{u}", (4, 5), k, u) for k in (1, -1, 3, -3, 7, -7) for u in (0, 1)),
        form("empty", (0, 3), 1),
        form("one", (1, 1), 0, 0),
        form("dynamic", _DYNAMIC, 1, sizes=_SIZES),
        Form("given", (In((4, 5)), In((), values.fixed(1)))),
    ]


def _center() -> list[Form]:
    def form(label: str, shape: Any, to: list[int], **more: Any) -> Form:
        return Form(label, (In(shape), const(to)), **more)

    return [
        form("crop", (7, 8), [4, 5], core=True),
        form("pad", (3, 4), [6, 7]),
        form("both", (3, 8), [6, 5]),
        form("axes", (3, 8, 2), [5], attributes={"axes": [1]}),
        form("negative", (3, 8, 2), [5, 4], attributes={"axes": [-1, -2]}),
        form("dynamic", ("N", 5), [4, 4], sizes=({"N": 3}, {"N": 6})),
    ]


def _reverse() -> list[Form]:
    def form(
        label: str, shape: Any, lengths: list[int], time: int, batch: int, **more: Any
    ) -> Form:
        axes = {"time_axis": time, "batch_axis": batch}
        return Form(label, (In(shape), const(lengths)), axes, **more)

    return [
        form("time", (4, 3, 2), [1, 4, 2], 0, 1, core=True),
        form("batch", (3, 5), [5, 1, 3], 1, 0),
        Form("default", (In((4, 3)), const([4, 2, 3]))),
        form("dynamic", ("N", 3), [1, 2, 3], 0, 1, sizes=({"N": 3}, {"N": 6})),
        Form("given", (In((4, 3)), In((3,), values.fixed([4, 2, 3])))),
    ]


_COLUMNS = {"dilations": [1, 1], "pads": [0, 0, 0, 0], "strides": [1, 1]}


def _col2im() -> list[Form]:
    base = Form("plain", (In((1, 6, 12)), const([4, 5]), const([2, 3])), core=True)
    base = base.also(
        "plain",
        inputs=(In((1, 12, 9)), const([4, 4]), const([2, 2])),
        core=True,
        kinds="number",
    )
    return [
        base,
        base.also("explicit", attributes=_COLUMNS),
        base.also(
            "strides",
            inputs=(In((1, 8, 4), values.broad), *base.inputs[1:]),
            attributes={"strides": [2, 2]},
            core=True,
            kinds="any",
        ),
        base.also(
            "pads", inputs=(In((1, 8, 25)), *base.inputs[1:]), attributes={"pads": [1, 1, 1, 1]}
        ),
        base.also(
            "dilations",
            inputs=(In((1, 8, 4)), *base.inputs[1:]),
            attributes={"dilations": [2, 2]},
        ),
        base.also("rank3", inputs=(In((2, 16, 8)), const([3, 3, 3]), const([2, 2, 2]))),
        base.also(
            "all_differ",
            inputs=(In((2, 12, 18)), const([5, 6]), const([2, 3])),
            attributes={"dilations": [2, 1], "pads": [1, 0, 2, 1], "strides": [1, 2]},
        ),
        base.also(
            "dilated_columns",
            inputs=(In((2, 12, 9)), const([4, 6]), const([2, 3])),
            attributes={"dilations": [1, 2], "pads": [0, 1, 0, 0]},
        ),
        base.also("large", inputs=(In((3, 12, 120)), const([9, 16]), const([2, 2]))),
    ]


FAMILIES = (
    Family(("Reshape",), _reshape(), carries="all"),
    Family(("Transpose",), _transpose(), carries="all"),
    Family(("Flatten",), _flatten(), carries="all"),
    Family(("Squeeze",), _axes(True), carries="all"),
    Family(("Unsqueeze",), _axes(False), carries="all"),
    Family(("Concat",), _concat(), carries="all"),
    Family(("Split",), _split(), carries="all"),
    Family(("Slice",), _slice(), carries="all"),
    Family(("Pad",), _pad(), typing="free", carries="all"),
    Family(("Tile",), _TILE, carries="all"),
    Family(("Expand",), _EXPAND, carries="all"),
    Family(("Identity",), _IDENTITY, carries="all"),
    Family(("Shape",), _shape(), carries="all"),
    Family(("Size",), _IDENTITY, carries="all"),
    Family(("DepthToSpace", "SpaceToDepth"), _blocks(), carries="all"),
    Family(("Trilu",), _trilu(), carries="all"),
    Family(("CenterCropPad",), _center(), carries="all"),
    Family(("ReverseSequence",), _reverse(), carries="all"),
    Family(("Col2Im",), _col2im()),
)

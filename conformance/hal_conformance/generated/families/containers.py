"""Sequences and optionals."""

from __future__ import annotations

from typing import Any

from onnx import TypeProto

from hal_conformance.generated import registry, values
from hal_conformance.generated.form import Binding, Family, Form, In, number_of, varied

_SIZES = ({"N": 2}, {"N": 5})
_AGAIN = ({"N": 2, "M": 3}, {"N": 2, "M": 3}, {"N": 5, "M": 8})


def _construct() -> list[Form]:
    return [
        Form("one", (In((2, 3)),), core=True),
        Form("three", (In((2, 3)), In((4,)), In(())), core=True),
        Form("empty_tensor", (In((0, 3)), In((2, 3)))),
        Form("dynamic", (In(("N", 3)), In((2, 3))), sizes=_SIZES),
    ]


def _at() -> list[Form]:
    sequence = In((2, 3), length=4)
    return [
        *(
            Form(f"position_{k}", (sequence, In((), values.fixed(k))), core=k in (1, -1))
            for k in (0, 1, 3, -1, -4)
        ),
        Form("dynamic", (In(("N", 3), length=2), In((), values.fixed(0))), sizes=_SIZES),
    ]


def _erase() -> list[Form]:
    sequence = In((2, 3), length=3)
    given = [
        Form(f"position_{k}", (sequence, In((), values.fixed(k))), core=k in (1, -1))
        for k in (0, 1, -1, -3)
    ]
    return [Form("last", (sequence,), core=True), *given, Form("only", (In((2,), length=1),))]


def _insert() -> list[Form]:
    sequence, new = In((2, 3), length=3), In((2, 3))
    given = [
        Form(f"position_{k}", (sequence, new, In((), values.fixed(k))), core=k in (1, -1))
        for k in (0, 1, 3, -1, -3)
    ]
    return [
        Form("end", (sequence, new), core=True),
        *given,
        Form("into_empty", (In((2, 3), length=0), new)),
        Form("anew", (In(("N", 3), length=3), In(("M", 3))), sizes=_AGAIN),
        Form("other_shape", (In((2, 3), length=1), In((5,)))),
    ]


_LENGTH = (
    Form("three", (In((2, 3), length=3),), core=True),
    Form("none", (In((2,), length=0),)),
    Form("many", (In((1,), length=17),)),
)


def _concat() -> list[Form]:
    base = Form("axis_0", (In((2, 3), length=3),), {"axis": 0}, core=True)
    new = base.also("new_axis_1", attributes={"new_axis": 1}, core=True)
    return [
        base,
        *(base.also(f"axis_{axis}", attributes={"axis": axis}) for axis in (1, -1, -2)),
        new,
        *(
            new.also(f"new_axis_{axis}_at", attributes={"axis": axis})
            for axis in (1, 2, -1, -3)
        ),
        base.also("new_axis_0", attributes={"new_axis": 0}),
        base.also("one", inputs=(In((2, 3), length=1),)),
    ]


def _split() -> list[Form]:
    def form(label: str, split: Any, **more: Any) -> Form:
        shape = () if isinstance(split, int) else None if split is None else (len(split),)
        given = None if shape is None else In(shape, values.fixed(split))
        return Form(
            label, (In(more.pop("x", (6, 4))), given), more.pop("attributes", {}), **more
        )

    base = form("ones", None, core=True)
    return [
        base,
        *varied(base, axis=(0, 1, -1), keepdims=(0, 1)),
        form("scalar", 2, core=True),
        form("scalar_uneven", 4),
        form("list", [1, 3, 2], core=True),
        form("list_axis_1", [1, 3], attributes={"axis": 1}),
        form("split_ignores_keepdims", 3, attributes={"keepdims": 0}),
        form("last_of_three", 2, x=(3, 4, 6), attributes={"axis": -1}),
        form("with_empty", [2, 0, 4]),
        form("odd", 2, x=(5, 3)),
    ]


def _type_of(parameter: str) -> Any:
    def value(binding: Binding) -> TypeProto:
        return registry.proto(binding[parameter], None)

    return value


_OPTIONAL = (
    Form("full", (In((2, 3)),), core=True),
    Form("again", (In(("N", 3)),), sizes=({"N": 2}, {"N": 2}, {"N": 5})),
    Form("typed_empty", (), {"type": _type_of("V")}, core=True),
)

_GET = (
    Form("full", (In((2, 3)),), core=True),
    Form("scalar", (In(()),)),
    Form("dynamic", (In(("N", 3)),), sizes=_SIZES),
)


def _is_optional(binding: Binding) -> bool:
    return binding["O"].startswith("optional")


_HAS = (
    Form("full", (In((2, 3)),), core=True),
    Form("empty", (In((2, 3), none=True),), core=True, only=_is_optional),
    Form("absent", (), since=18),
)

_EMPTY = (Form("default", ()), Form("typed", (), {"dtype": number_of("S")}, core=True))

FAMILIES = (
    Family(("SequenceConstruct",), _construct(), carries="all"),
    Family(("SequenceAt",), _at(), typing="free", carries="all"),
    Family(("SequenceErase",), _erase(), typing="free", carries="all"),
    Family(
        ("SequenceInsert",), _insert(), follow={"S": "seq({T})"}, typing="free", carries="all"
    ),
    Family(("SequenceLength",), _LENGTH, carries="all"),
    Family(("SequenceEmpty",), _EMPTY, vary=("S",)),
    Family(("ConcatFromSequence",), _concat(), carries="all"),
    Family(("SplitToSequence",), _split(), typing="free", carries="all"),
    Family(("Optional",), _OPTIONAL, carries="all"),
    Family(("OptionalGetElement",), _GET, carries="all"),
    Family(("OptionalHasElement",), _HAS, carries="all"),
)

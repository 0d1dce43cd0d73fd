"""Operators of several tensors, element by element, with broadcasting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, Kind, const
from hal_conformance.generated.values import Maker
from hal_conformance.numerics.arithmetic import Array

_SIZES = ({"N": 3, "M": 5}, {"N": 9, "M": 17})


def _grid(dtype: DType) -> tuple[int, int]:
    count = len(values.specials(dtype))
    return count, count


def forms(
    left: Maker,
    right: Maker,
    attributes: Mapping[str, Any] | None = None,
    special: Kind = "float",
    prefix: str = "",
    kinds: Kind = "any",
) -> list[Form]:
    """Two operands: alike, broadcast in every direction, special values against each other."""

    def pair(label: str, a: Any, b: Any, **more: Any) -> Form:
        more.setdefault("kinds", kinds)
        return Form(prefix + label, (In(a, left), In(b, right)), attributes or {}, **more)

    crossed = (In(_grid, values.special_rows), In(_grid, values.special))
    return [
        pair("sampled", (1031,), (1031,), core=True),
        Form(prefix + "special", crossed, attributes or {}, core=True, kinds=special),
        pair("broadcast", (3, 1, 5), (1, 4, 1), core=True),
        pair("row", (3, 4, 5), (5,)),
        pair("column", (4, 1), (3, 4, 5)),
        pair("scalar_right", (2, 3, 7), ()),
        pair("scalar_left", (), (2, 3, 7)),
        pair("scalars", (), ()),
        pair("ones", (1,), (1, 1, 1)),
        pair("empty", (0, 3), (1, 3)),
        pair("empty_by_one", (2, 0), (1,)),
        pair("rank6", (2, 1, 2, 1, 3, 1), (1, 3, 1, 2, 1, 5)),
        pair("dynamic", ("N", "M"), ("N", "M"), sizes=_SIZES),
        pair("dynamic_row", ("N", "M"), ("M",), sizes=_SIZES),
    ]


def _same(*ops: str, special: Kind = "any", make: Maker = values.any_) -> Family:
    return Family(ops, forms(make, make, special=special))


_nonzero = values.cycle((1, 2, 3, 5, 4, 7, 1, 6, 9))
_signed_nonzero = values.cycle((1, -2, 3, -5, 4, 7, -1, 6, -9))


def _signed(kinds: Kind, prefix: str, attributes: Mapping[str, Any]) -> list[Form]:
    crossed = values.between(-20, 21)
    return forms(crossed, _signed_nonzero, attributes, "float", prefix, kinds)


def _large(left: Maker, right: Maker, kinds: Kind = "whole") -> list[Form]:
    """Whole numbers that need their type."""
    return [Form("large", (In((67,), left), In((67,), right)), core=True, kinds=kinds)]


def _large_exponents() -> list[Form]:
    """Exponents that need their type, of numbers near enough to 1."""
    forms: list[Form] = []
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        half = int(name.lstrip("uint")) // 2
        near = [1 + 2.0**-half, 1 - 2.0**-half, 1 + 2.0 ** -(half + 1)]
        many = [2**half + 1, 3 * 2 ** (half - 1) * 2 - 1, 2**half + 3]

        def takes(binding: Binding, name: str = name) -> bool:
            return (binding["T"], binding["T1"]) == ("tensor(double)", f"tensor({name})")

        given = (In((3,), values.fixed(near)), In((3,), values.fixed(many)))
        forms.append(Form(f"large_{name}", given, core=True, since=12, only=takes))
    return forms


_POWER = (
    *(
        form
        for form in forms(values.positive, values.between(-2, 4), kinds="float")
        if form.label != "special"
    ),
    Form(
        "special",
        (In(_grid, values.special_rows), In(_grid, values.special)),
        core=True,
        kinds="float",
        only=lambda binding: binding["T"] == binding.get("T1", binding["T"]),
    ),
    Form("whole", (In((7, 19), values.small), In((7, 19), values.whole(0, 4))), core=True),
    Form("square", (In((5, 33), values.between(-4, 5)), const(2.0)), core=True),
    Form(
        "large",
        (In((31,), values.digits(0.75)), In((31,), values.cycle((1, 1, 0)))),
        core=True,
        only=lambda b: b["T"] in ("tensor(int32)", "tensor(int64)") and b["T"] == b.get("T1"),
    ),
    Form("root", (In((5, 33), values.positive), const(0.5)), kinds="float"),
    Form("broadcast_whole", (In((3, 1, 5), values.small), In((4, 1), values.whole(0, 4)))),
)


def _several(count: int, *shapes: tuple[int | str, ...]) -> tuple[In, ...]:
    return tuple(In(shapes[k % len(shapes)]) for k in range(count))


def _variadic() -> list[Form]:
    crossed = (In(_grid, values.special_rows), In(_grid, values.special))
    return [
        Form("one", _several(1, (1031,)), core=True),
        Form("two", _several(2, (1031,)), core=True),
        Form("three", _several(3, (7, 19))),
        Form("nine", _several(9, (5, 13)), core=True),
        Form("special", crossed, core=True, kinds="float"),
        Form("broadcast", _several(3, (3, 1, 5), (4, 1), ()), since=8),
        Form("scalar_first", _several(3, (), (2, 3, 7)), since=8),
        Form("scalars", _several(2, ())),
        Form("empty", _several(2, (0, 3))),
        Form("dynamic", _several(2, ("N", "M")), sizes=_SIZES),
        Form(
            "cancelling",
            (In((64,), values.large_and_small), In((64,)), In((64,), values.large_and_small)),
        ),
    ]


def _specials(dtype: DType) -> tuple[int, ...]:
    return (len(values.specials(dtype)),)


def _clip(label: str, low: float | None, high: float | None, **more: Any) -> Form:
    shape = more.pop("shape", (7, 151))
    make = more.pop("make", values.between(-9, 9))
    names = (("min", low), ("max", high))
    ends = tuple(None if v is None else const(v, name) for name, v in names)
    return Form(label, (In(shape, make), *ends), **more)


_CLIP = (
    _clip("both", -3.5, 4.25, core=True, kinds="float"),
    _clip("whole", 2, 7, core=True, make=values.any_),
    _clip("none", None, None, core=True, make=values.broad),
    _clip("low", -1.5, None),
    _clip("high", None, 2.5),
    _clip("crossed", 3.0, -3.0, since=13),
    _clip("special", -1.0, 1.0, shape=_specials, make=values.special),
    _clip("scalar", 0.0, 1.0, shape=()),
    _clip("empty", 0.0, 1.0, shape=(0, 4)),
    _clip("dynamic", -1.0, 1.0, shape=("N", "M"), sizes=_SIZES),
    Form(
        "given", (In((5, 31)), In((), values.fixed(-1.0)), In((), values.fixed(1.0))), since=11
    ),
    Form(
        "given_again",
        (
            In(("N", 31), values.between(-9, 9)),
            In((), values.between(-5, -1)),
            In((), values.between(1, 5)),
        ),
        since=11,
        sizes=({"N": 3}, {"N": 3}, {"N": 8}),
    ),
)

_WHERE = (
    Form("sampled", (In((1031,)), In((1031,)), In((1031,))), core=True),
    Form("broadcast", (In((3, 1, 1)), In((1, 4, 1)), In((5,))), core=True),
    Form("special", (In((60,)), In((60,), values.special), In((60,))), core=True),
    Form("scalars", (In(()), In(()), In(()))),
    Form("scalar_condition", (In(()), In((3, 5)), In((3, 5)))),
    Form("empty", (In((0, 1)), In((1, 3)), In(()))),
    Form("dynamic", (In(("N", 1)), In(("N", "M")), In(("M",))), sizes=_SIZES),
)

_PRELU = (
    Form("sampled", (In((1031,)), In((1031,))), core=True),
    Form("channel", (In((2, 3, 5, 7)), In((3, 1, 1), values.between(0, 2))), core=True),
    Form("one", (In((2, 3, 5)), In((1,)))),
    Form("scalar", (In((2, 3, 5)), In(()))),
    Form("weight", (In((2, 3, 17)), In((3, 1), weight=True))),
    Form("special", (In((60,), values.special), In((60,), values.positive)), core=True),
    Form("empty", (In((2, 0)), In((1,)))),
    Form("dynamic", (In(("N", "M")), In((1,))), sizes=_SIZES),
)

_SHIFT = tuple(
    form
    for direction in ("LEFT", "RIGHT")
    for form in forms(
        values.wide,
        values.whole(0, 8),
        {"direction": direction},
        prefix=f"{direction.lower()}_",
    )
    if "special" not in form.label
)


def _within(draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Shifts by less than the width of the type."""
    return values.whole(0, dtype.bits)(draw, shape, dtype)


_FAR_SHIFTS = tuple(
    Form(
        f"far_{direction.lower()}",
        (In((67,), values.wide), In((67,), _within)),
        {"direction": direction},
        core=True,
    )
    for direction in ("LEFT", "RIGHT")
)

_ALIKE = ("sampled", "special", "scalars", "dynamic")

FAMILIES = (
    Family(("Add", "Sub"), forms(values.any_, values.any_)),
    Family(("Mul",), forms(values.any_, values.any_)),
    Family(
        ("Add", "Sub"),
        [
            Form(
                "cancelling",
                (In((16, 63), values.cancelling), In((16, 63), values.cancelling)),
                core=True,
                kinds="float",
            ),
            Form("wide", (In((1031,), values.wide), In((1031,), values.wide)), kinds="float"),
        ],
    ),
    Family(
        ("Mul", "Div"),
        [
            Form(
                "wide",
                (In((1031,), values.wide), In((1031,), values.wide)),
                core=True,
                kinds="float",
            )
        ],
    ),
    Family(("Add",), _large(values.digits(1), values.digits(1))),
    Family(("Sub",), _large(values.digits(1), values.digits(1), "signed_whole")),
    Family(("Mul",), _large(values.digits(0.5, 0), values.digits(0.5, 0))),
    Family(("Div",), _large(values.wide, _nonzero)),
    Family(("Mod",), _large(values.wide, values.absolute(values.digits(1, 0)))),
    Family(("Pow",), _large_exponents(), typing="product"),
    Family(("Div",), forms(values.any_, _nonzero)),
    Family(("Div",), _signed("signed", "signed_", {})),
    _same("And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor", make=values.wide),
    _same("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", make=values.ties),
    Family(
        ("Equal",),
        [
            Form(
                "texts",
                (
                    In((2,), values.fixed(["grün", "a"])),
                    In((2,), values.fixed(["gr?n", "a"])),
                ),
                core=True,
                kinds="text",
            )
        ],
    ),
    Family(("BitShift",), (*_SHIFT, *_FAR_SHIFTS)),
    Family(("Mod",), [form for form in _signed("whole", "", {}) if form.label != "special"]),
    Family(("Mod",), _signed("whole", "fmod_", {"fmod": 1})),
    Family(
        ("Mod",),
        [
            replace(form, label="float_" + form.label)
            for form in _signed("float", "fmod_", {"fmod": 1})
        ],
    ),
    Family(("Pow",), _POWER, typing="product"),
    Family(("Max", "Min"), _variadic(), carries="whole"),
    Family(("Sum", "Mean"), _variadic()),
    Family(("Clip",), _CLIP, carries="whole"),
    Family(("Where",), _WHERE, carries="all"),
    Family(("PRelu",), _PRELU),
    Family(
        ("SwiGLU",),
        [
            *(form for form in forms(values.any_, values.any_) if form.label in _ALIKE),
            *(
                Form(f"alpha_{alpha}", (In((5, 65)), In((5, 65))), {"alpha": alpha})
                for alpha in (0.5, 0.0, -1.0, 1.702)
            ),
        ],
    ),
)

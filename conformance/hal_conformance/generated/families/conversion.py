"""Conversions between types: Cast, CastLike, BitCast."""

from __future__ import annotations

from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import registry, values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, number_of
from hal_conformance.numerics.arithmetic import FORMATS, Array

_N = ({"N": 3}, {"N": 9})


def _types(binding: Binding) -> tuple[DType, DType]:
    first, second = registry.element(binding["T1"]), registry.element(binding["T2"])
    if first is None or second is None:
        raise TypeError(f"{binding} are no tensors")
    return first, second


_TINY = ("float4e2m1", "float6e2m3", "float6e3m2")
"""Without NaN and infinity: what lies out of range has no meaning that the standard states."""


def _floats(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name in FORMATS and second.name in FORMATS and second.name not in _UNSTATED


_UNSTATED = (*_TINY, "float8e8m0")


def _to_tiny(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name in FORMATS and second.name in _TINY


def _whole(binding: Binding) -> bool:
    """From whole numbers or booleans to numbers: defined for every value."""
    first, second = _types(binding)
    return first.name.startswith(("int", "uint", "bool")) and second.name not in (
        "string",
        *_UNSTATED,
    )


def _all_there_are(binding: Binding) -> bool:
    first, _ = _types(binding)
    return (_floats(binding) or _whole(binding)) and first.bits <= 8 and first.name != "bool"


def _narrow(binding: Binding) -> bool:
    first, _ = _types(binding)
    return first.name in ("float16", "bfloat16") and _floats(binding)


def _convertible(draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Small numbers that every type holds or rounds to, as text where the type is text."""
    if dtype.name == "string":
        texts = np.array(["0", "1", "2", "3"], object)
        return np.resize(texts, shape)
    if dtype.name == "float8e8m0":
        return values.as_type(draw.integers(0, 2, shape[0]) + 0.5, dtype)
    if dtype.name in FORMATS:
        return values.as_type(draw.integers(0, 8, shape[0]) * 0.25, dtype)
    return values.as_type(draw.integers(0, 2, shape[0]), dtype)


def _above_zero(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Small positive numbers, for float8e8m0, which has no zero and no sign."""
    if dtype.name == "string":
        return np.resize(np.array(["1", "2", "0.5"], object), shape)
    some = [0.5, 1.0, 1.5, 2.0, 3.0] if dtype.name in FORMATS else [1]
    if dtype.name in ("float32", "float64", "bfloat16"):
        some = [2.0**40, *some]
    return values.as_type(np.resize(np.array(some), shape), dtype)


def _is_scale(binding: Binding) -> bool:
    return _types(binding)[1].name == "float8e8m0"


def _not_scale(binding: Binding) -> bool:
    return not _is_scale(binding)


def _text(_draw: Draw, shape: values.Shape, _dtype: DType) -> Array:
    listed = ("3.14", "-0.5", "1e-5", "1E8", "INF", "-inf", "nan", "+INF", "100", "0.1")
    return np.resize(np.array(listed, object), shape)


def _texts(binding: Binding) -> bool:
    return all(dtype.name == "string" for dtype in _types(binding))


def _cast() -> list[Form]:
    to = {"to": number_of("T2")}
    return [
        Form("plain", (In((67,), _convertible),), to, core=True, only=_not_scale),
        Form("positive", (In((67,), _above_zero),), to, core=True, only=_is_scale),
        Form("texts", (In((7,), values.held),), to, core=True, only=_texts),
        Form("wide", (In((1031,), values.wide),), to, core=True, only=_whole),
        Form("rounding", (In((1031,), values.wide),), to, core=True, only=_floats),
        Form(
            "special",
            (In(lambda d: (len(values.specials(d)),), values.special),),
            to,
            core=True,
            only=_floats,
        ),
        Form(
            "every",
            (In(values.every_shape, values.every),),
            to,
            core=True,
            only=_all_there_are,
            proved=True,
        ),
        Form(
            "every16",
            (In(values.every_shape, values.every),),
            to,
            core=True,
            only=_narrow,
            proved=True,
        ),
        Form("tiny", (In((97,), values.between(-5.5, 5.5)),), to, core=True, only=_to_tiny),
        Form("truncates", (In((81,), values.halves),), to, core=True, only=_to_whole),
        Form("to_bool", (In((60,), values.special),), to, core=True, only=_to_bool),
        Form("numerals", (In((10,), _text),), to, core=True, only=_from_text),
        Form("scalar", (In((), values.whole(0, 2)),), to),
        Form("empty", (In((0, 3)),), to),
        Form("dynamic", (In(("N", 2)),), to, sizes=_N),
    ]


def _to_whole(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name in ("float32", "float64", "float16", "bfloat16") and second.name in (
        "int8",
        "int16",
        "int32",
        "int64",
    )


def _to_bool(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name == "bool" and (
        first.name in FORMATS or first.name.startswith(("int", "uint"))
    )


def _from_text(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name == "string" and second.name in (
        "float32",
        "float64",
        "float16",
        "bfloat16",
    )


_F8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")


def _to_f8(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name in _F8 and first.name in ("float32", "float16", "bfloat16")


def _to_e8(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name == "float8e8m0" and first.name in ("float32", "float16", "bfloat16")


def _attributed(to: dict[str, Any], rest: tuple[In, ...] = ()) -> list[Form]:
    overflow = In(
        (60,),
        values.cycle((1, 300, 500, -500, 60000, 1e5, -1e5, float("inf"), float("nan"), 449)),
    )
    positive = In((97,), values.log_between(-8, 8))
    return [
        *(
            Form(
                f"saturate_{s}",
                (overflow, *rest),
                {**to, "saturate": s},
                core=True,
                only=_to_f8,
            )
            for s in (0, 1)
        ),
        *(
            Form(
                f"round_mode_{m}",
                (positive, *rest),
                {**to, "round_mode": m},
                core=True,
                only=_to_e8,
            )
            for m in ("up", "down", "nearest")
        ),
    ]


def _to_64(binding: Binding) -> bool:
    first, second = _types(binding)
    if not first.name.startswith(("int", "uint")):
        return False
    return second.name in ("int64", "uint64", "int32")


def _cast_like() -> list[Form]:
    like = In((1,), values.whole(0, 2))
    return [
        Form("wide", (In((67,), values.wide), like), core=True, only=_to_64),
        *(
            Form(
                form.label,
                (*form.inputs, like),
                {},
                form.core,
                only=form.only,
                proved=form.proved,
                sizes=form.sizes,
            )
            for form in _cast()
            if form.label
            in (
                "plain",
                "positive",
                "texts",
                "special",
                "scalar",
                "dynamic",
                "truncates",
                "every",
            )
        ),
        *_attributed({}, (like,)),
    ]


def _same_width(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.bits != second.bits or (
        "bool" in (first.name, second.name) and first.name != second.name
    )


_BIT_CAST = (
    Form("plain", (In((5, 13), values.wide),), {"to": number_of("T2")}, core=True),
    Form("scalar", (In((), values.wide),), {"to": number_of("T2")}),
    Form("special", (In((60,), values.special),), {"to": number_of("T2")}),
    Form("dynamic", (In(("N", 2), values.wide),), {"to": number_of("T2")}, sizes=_N),
)


FAMILIES = (
    Family(
        ("Cast",),
        [*_cast(), *_attributed({"to": number_of("T2")})],
        typing="product",
        vary=("T2",),
    ),
    Family(("CastLike",), _cast_like(), typing="product"),
    Family(("BitCast",), _BIT_CAST, typing="product", vary=("T2",), refused=_same_width),
)

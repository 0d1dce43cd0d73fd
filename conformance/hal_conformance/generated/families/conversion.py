"""Conversions between types: Cast, CastLike, BitCast, and the quantising ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import registry, values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, number_of, varied
from hal_conformance.generated.registry import Schema
from hal_conformance.numerics.arithmetic import FORMATS, Array

_N = ({"N": 3}, {"N": 9})


def _types(binding: Binding) -> tuple[DType, DType]:
    first, second = registry.element(binding["T1"]), registry.element(binding["T2"])
    if first is None or second is None:
        raise TypeError(f"{binding} are no tensors")
    return first, second


def _floats(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name in FORMATS and second.name in FORMATS and second.name != "float8e8m0"


def _whole(binding: Binding) -> bool:
    """From whole numbers or booleans to numbers: defined for every value."""
    first, second = _types(binding)
    return first.name.startswith(("int", "uint", "bool")) and second.name not in ("string", "float8e8m0")


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


def _text(draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    listed = ("3.14", "-0.5", "1e-5", "1E8", "INF", "-inf", "nan", "+INF", "100", "0.1")
    return np.resize(np.array(listed, object), shape)


def _cast() -> list[Form]:
    to = {"to": number_of("T2")}
    forms = [
        Form("plain", (In((67,), _convertible),), to, core=True),
        Form("wide", (In((1031,), values.wide),), to, core=True, only=_whole),
        Form("rounding", (In((1031,), values.wide),), to, core=True, only=_floats),
        Form("special", (In(lambda d: (len(values.specials(d)),), values.special),), to, core=True, only=_floats),
        Form("every", (In(values.every_shape, values.every),), to, core=True, only=_all_there_are, proved=True),
        Form("every16", (In(values.every_shape, values.every),), to, core=True, only=_narrow, proved=True),
        Form("truncates", (In((81,), values.halves),), to, core=True, only=_to_whole),
        Form("to_bool", (In((60,), values.special),), to, core=True, only=_to_bool),
        Form("numerals", (In((10,), _text),), to, core=True, only=_from_text),
        Form("scalar", (In((), values.whole(0, 2)),), to),
        Form("empty", (In((0, 3)),), to),
        Form("dynamic", (In(("N", 2)),), to, sizes=_N),
    ]
    return forms


def _to_whole(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name in ("float32", "float64", "float16", "bfloat16") and second.name in (
        "int8", "int16", "int32", "int64")  # fmt: skip


def _to_bool(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name == "bool" and (first.name in FORMATS or first.name.startswith(("int", "uint")))


def _from_text(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.name == "string" and second.name in ("float32", "float64", "float16", "bfloat16")


_F8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")


def _to_f8(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name in _F8 and first.name in ("float32", "float16", "bfloat16")


def _to_e8(binding: Binding) -> bool:
    first, second = _types(binding)
    return second.name == "float8e8m0" and first.name in ("float32", "float16", "bfloat16")


def _attributed(to: dict[str, Any], rest: tuple[In, ...] = ()) -> list[Form]:
    overflow = In((60,), values.cycle((1, 300, 500, -500, 60000, 1e5, -1e5, float("inf"), float("nan"), 449)))
    positive = In((97,), values.log_between(-8, 8))
    return [
        *(
            Form(f"saturate_{s}", (overflow, *rest), {**to, "saturate": s}, core=True, only=_to_f8)
            for s in (0, 1)
        ),
        *(
            Form(f"round_mode_{m}", (positive, *rest), {**to, "round_mode": m}, core=True, only=_to_e8)
            for m in ("up", "down", "nearest")
        ),
    ]


def _cast_like() -> list[Form]:
    like = In((1,), values.whole(0, 2))
    return [
        *(
            Form(form.label, (*form.inputs, like), {}, form.core, only=form.only, proved=form.proved, sizes=form.sizes)
            for form in _cast()
            if form.label in ("plain", "special", "scalar", "dynamic", "truncates", "every")
        ),
        *_attributed({}, (like,)),
    ]


def _same_width(binding: Binding) -> bool:
    first, second = _types(binding)
    return first.bits != second.bits or ("bool" in (first.name, second.name) and first.name != second.name)


_BIT_CAST = (
    Form("plain", (In((5, 13), values.wide),), {"to": number_of("T2")}, core=True),
    Form("scalar", (In((), values.wide),), {"to": number_of("T2")}),
    Form("special", (In((60,), values.special),), {"to": number_of("T2")}),
    Form("dynamic", (In(("N", 2), values.wide),), {"to": number_of("T2")}, sizes=_N),
)


def _quantise_types(schema: Schema) -> Iterable[Binding]:
    admitted = registry.admitted(schema)
    target = "T3" if "T3" in admitted else "T2"
    x = "T1"
    default = {x: "tensor(float)", target: "tensor(uint8)"}
    if target == "T3":
        default["T2"] = "tensor(float)"
    yield dict(default)
    for text in admitted[target]:
        yield {**default, target: text}
    for text in admitted[x]:
        both = {**default, x: text}
        if target == "T3":
            both["T2"] = text
        yield both
    for text in admitted["T2"] if target == "T3" else ():
        yield {**default, "T2": text}


def _steps(*shape: int) -> In:
    return In(shape, values.cycle((0.25, 0.5, 1.0)) if shape else values.fixed(0.5))


def _zeros(*shape: int) -> In:
    return In(shape, _offset)


def _offset(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Zero points: 0 where the type is floating, else small numbers that it holds."""
    if dtype.name in FORMATS:
        return np.zeros(shape, dtype.numpy)
    return values.as_type(np.resize(np.array([1, 0]), shape), dtype)


def _fine(binding: Binding) -> bool:
    return binding["T1"] != "tensor(int32)" and binding.get("T2") != "tensor(int32)"


def _quantise() -> list[Form]:
    x = In((5, 33), values.between(-9, 9))
    base = Form("plain", (x, _steps(), _zeros()), core=True)
    block = Form("blocked", (In((4, 12), values.between(-9, 9)), _steps(4, 3), _zeros(4, 3)), {"axis": 1, "block_size": 4})
    over = In((7, 9), values.cycle((1, 300, 500, -500, 60000, 1e5, -1e5, float("inf"), 449)))
    f8 = [f"tensor({name})" for name in _F8]
    return [
        base,
        base.also("saturates", inputs=(In((5, 33), values.between(-900, 900)), *base.inputs[1:]), core=True),
        base.also("ties", inputs=(In((9, 9), values.halves), In((), values.fixed(1.0)), _zeros()), core=True, only=_fine),
        base.also("uneven", inputs=(x, In((), values.fixed(0.1)), _zeros()), only=_fine),
        base.also("default_zero", inputs=(x, _steps())),
        Form("axis_1", (In((2, 3, 5)), _steps(3), _zeros(3)), {"axis": 1}, since=13, core=True),
        Form("axis_default", (In((2, 3, 5)), _steps(3), _zeros(3)), since=13),
        Form("axis_0", (In((3, 5)), _steps(3), _zeros(3)), {"axis": 0}),
        Form("axis_negative", (In((2, 5)), _steps(5), _zeros(5)), {"axis": -1}),
        block.also("blocked", core=True),
        block.also("blocked_outer", inputs=(In((6, 4)), _steps(2, 4), _zeros(2, 4)), attributes={"axis": 0, "block_size": 3}),
        Form("output_dtype", (x, _steps()), {"output_dtype": number_of("T3", "T2")}, core=True),
        *(
            Form(f"saturate_{s}", (over, In((), values.fixed(1.0)), _zeros()), {"saturate": s}, core=True,
                 only=lambda b: b.get("T3", b["T2"]) in f8)
            for s in (0, 1)
        ),
        *varied(base, precision=(1, 10)),
        base.also("scalar", inputs=(In((), values.between(-9, 9)), _steps(), _zeros())),
        base.also("special", inputs=(In((60,), values.finite), _steps(), _zeros())),
        base.also("empty", inputs=(In((0, 3)), _steps(), _zeros())),
        base.also("dynamic", inputs=(In(("N", 3)), _steps(), _zeros()), sizes=_N),
    ]  # fmt: skip


def _dequantise_types(schema: Schema) -> Iterable[Binding]:
    admitted = registry.admitted(schema)
    first = "T" if "T" in admitted else "T1"
    rest = {p: "tensor(float)" for p in ("T2", "T3") if p in admitted}
    default: dict[str, str] = {first: "tensor(uint8)", **rest}
    yield dict(default)
    for text in admitted[first]:
        yield {**default, first: text}
    for text in admitted.get("T2", ()):
        other = {"T3": text} if text in admitted.get("T3", ()) else {}
        yield {**default, "T2": text, **other}
    for text in admitted.get("T3", ()):
        yield {**default, "T3": text}


def _with_zero(binding: Binding) -> bool:
    return next(iter(binding.values())) != "tensor(int32)"


def _like_scale(binding: Binding) -> bool:
    return binding.get("T3", binding.get("T2")) == binding.get("T2")


def _dequantise() -> list[Form]:
    x = In((5, 33), values.wide)
    def both(binding: Binding) -> bool:
        return _with_zero(binding) and _like_scale(binding)

    base = Form("plain", (x, _steps(), _zeros()), core=True, only=both)
    every = In(values.every_shape, values.every)
    return [
        base,
        Form("no_zero_point", (x, _steps()), core=True, only=_like_scale),
        Form("every", (every, _steps(), _zeros()), core=True, proved=True, only=lambda b: both(b) and _bits(b) <= 8),
        base.also("uneven", inputs=(x, In((), values.fixed(0.1)), _zeros())),
        Form("axis_1", (In((2, 3, 5), values.wide), _steps(3), _zeros(3)), {"axis": 1}, since=13, core=True, only=both),
        Form("axis_default", (In((2, 3, 5), values.wide), _steps(3), _zeros(3)), since=13),
        Form("axis_0", (In((3, 5), values.wide), _steps(3), _zeros(3)), {"axis": 0}),
        Form("axis_negative", (In((2, 5), values.wide), _steps(5), _zeros(5)), {"axis": -1}),
        Form("blocked", (In((4, 12), values.wide), _steps(4, 3), _zeros(4, 3)), {"axis": 1, "block_size": 4}, core=True, only=both),
        Form("output_dtype", (x, _steps()), {"output_dtype": number_of("T3", "T2")}, core=True),
        base.also("scalar", inputs=(In((), values.wide), _steps(), _zeros())),
        base.also("empty", inputs=(In((0, 3)), _steps(), _zeros())),
        base.also("dynamic", inputs=(In(("N", 3), values.wide), _steps(), _zeros()), sizes=_N),
    ]  # fmt: skip


def _bits(binding: Binding) -> int:
    found = registry.element(next(iter(binding.values())))
    return found.bits if found else 64


_DYNAMIC_QUANTISE = (
    Form("plain", (In((5, 33), values.between(-9, 9)),)),
    Form("positive", (In((5, 33), values.between(2, 9)),)),
    Form("negative", (In((5, 33), values.between(-9, -2)),)),
    Form("zeros", (In((8,), values.cycle((0.0,))),)),
    Form("ties", (In((8,), values.fixed([0, 255, 0.5, 1.5, 2.5, 3.5, 100.5, 101.5])),)),
    Form("long", (In((1031,)),)),
    Form("dynamic", (In(("N", 3)),), sizes=_N),
)

FAMILIES = (
    Family(("Cast",), [*_cast(), *_attributed({"to": number_of("T2")})], typing="product", vary=("T2",)),
    Family(("CastLike",), _cast_like(), typing="product"),
    Family(("BitCast",), _BIT_CAST, typing="product", vary=("T2",), refused=_same_width),
    Family(("QuantizeLinear",), _quantise(), bindings=_quantise_types),
    Family(("DequantizeLinear",), _dequantise(), bindings=_dequantise_types),
    Family(("DynamicQuantizeLinear",), _DYNAMIC_QUANTISE),
)

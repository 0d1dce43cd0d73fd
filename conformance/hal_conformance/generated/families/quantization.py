"""QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import registry, values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, number_of, varied
from hal_conformance.generated.registry import Schema
from hal_conformance.numerics.arithmetic import FORMATS, Array

_N = ({"N": 3}, {"N": 9})
_F8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")


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
    return In(shape, _scales)


def _scales(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Powers of two, 0.5 where there is one; whole ones where the type is whole."""
    given = np.array([0.5, 0.25, 1.0] if dtype.name in FORMATS else [2, 1, 4])
    return values.as_type(np.resize(given, shape), dtype)


def _zeros(*shape: int) -> In:
    return In(shape, _offset)


def _offset(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Zero points: 0 where the type is floating, else small numbers that it holds."""
    if dtype.name in FORMATS:
        return np.zeros(shape, dtype.numpy)
    return values.as_type(np.resize(np.array([1, 0]), shape), dtype)


def _fine(binding: Binding) -> bool:
    whole = "tensor(int32)" in (binding["T1"], binding.get("T2"))
    return not whole and _not_tiny(binding)


def _not_tiny(binding: Binding) -> bool:
    """Whether values out of range have a meaning: float4 and float6 lack NaN and infinity."""
    target = binding.get("T3", binding["T2"])
    return not target.startswith(("tensor(float4", "tensor(float6"))


def _halves(binding: Binding) -> bool:
    return binding["T1"] == binding.get("T2") == "tensor(float16)"


def _fine_bytes(binding: Binding) -> bool:
    return _fine(binding) and binding.get("T3", binding["T2"]) == "tensor(uint8)"


def _far(binding: Binding) -> bool:
    return binding.get("T2") == "tensor(float8e8m0)"


def _quantise() -> list[Form]:
    x = In((5, 33), values.between(-9, 9))
    low = values.between(-1.25, 1.25)  # in range of float4 and float6 whatever the scale
    base = Form("plain", (x, _steps(), _zeros()), core=True, only=_not_tiny)
    block = Form(
        "blocked",
        (In((4, 12), low), _steps(4, 3), _zeros(4, 3)),
        {"axis": 1, "block_size": 4},
    )
    over = In((7, 9), values.cycle((1, 300, 500, -500, 60000, 1e5, -1e5, float("inf"), 449)))
    f8 = [f"tensor({name})" for name in _F8]
    return [
        base,
        Form("low", (In((5, 33), values.between(-3, 3)), _steps(), _zeros()), core=True),
        base.also(
            "saturates",
            inputs=(In((5, 33), values.between(-900, 900)), *base.inputs[1:]),
            core=True,
        ),
        base.also(
            "ties",
            inputs=(In((9, 9), values.halves), In((), values.fixed(1.0)), _zeros()),
            core=True,
            only=_fine,
        ),
        base.also("uneven", inputs=(x, In((), values.fixed(0.1)), _zeros()), only=_fine),
        base.also(
            "uneven_scales",
            inputs=(In((5, 33), values.between(-25, 25)), In((), values.fixed(0.1)), _zeros()),
            core=True,
            only=_fine_bytes,
        ),
        base.also("default_zero", inputs=(x, _steps())),
        Form(
            "axis_1",
            (In((2, 3, 5), low), _steps(3), _zeros(3)),
            {"axis": 1},
            since=13,
            core=True,
        ),
        Form("axis_default", (In((2, 3, 5)), _steps(3), _zeros(3)), since=13),
        Form(
            "axis_four",
            (In((3, 3, 3, 3), values.between(-9, 9)), _steps(3), _zeros(3)),
            {"axis": 1},
            since=21,
        ),
        Form(
            "not_a_number",
            (In((6,), values.cycle((1, float("nan"), -2))), _steps(), _zeros()),
            since=21,
            core=True,
            only=lambda b: b["T1"] == "tensor(float)" and b.get("T3", b["T2"]) in f8,
        ),
        Form("axis_0", (In((3, 5)), _steps(3), _zeros(3)), {"axis": 0}),
        Form("axis_negative", (In((2, 5)), _steps(5), _zeros(5)), {"axis": -1}),
        block.also("blocked", core=True),
        block.also(
            "blocked_outer",
            inputs=(In((6, 4)), _steps(2, 4), _zeros(2, 4)),
            attributes={"axis": 0, "block_size": 3},
        ),
        Form(
            "output_dtype",
            (In((5, 33), low), _steps()),
            {"output_dtype": number_of("T3", "T2")},
            core=True,
        ),
        *(
            Form(
                f"saturate_{s}",
                (over, In((), values.fixed(1.0)), _zeros()),
                {"saturate": s},
                core=True,
                only=lambda b: b.get("T3", b["T2"]) in f8,
            )
            for s in (0, 1)
        ),
        *varied(
            Form(
                "uneven",
                (In((5, 33), values.between(-25, 25)), In((), values.fixed(0.1)), _zeros()),
            ),
            precision=(1, 10, 16),
        ),
        base.also(
            "far_scale",
            inputs=(
                In((9, 9), values.cycle((0, 2.0**17, 2.0**20, 3 * 2.0**17, 2.0**21))),
                In((), values.fixed(2.0**17)),
                _zeros(),
            ),
            core=True,
            only=_far,
        ),
        base.also(
            "wider_precision",
            inputs=(In((5, 33), values.between(-25, 25)), In((), values.fixed(0.1)), _zeros()),
            attributes={"precision": 1},
            core=True,
            only=_halves,
        ),
        base.also("scalar", inputs=(In((), values.between(-9, 9)), _steps(), _zeros())),
        base.also("special", inputs=(In((60,), values.finite), _steps(), _zeros())),
        base.also("empty", inputs=(In((0, 3)), _steps(), _zeros())),
        base.also("dynamic", inputs=(In(("N", 3)), _steps(), _zeros()), sizes=_N),
    ]


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


def _far_bytes(binding: Binding) -> bool:
    return _far(binding) and _bytes(binding)


def _plain_bytes(binding: Binding) -> bool:
    return _like_scale(binding) and _bytes(binding)


def _dequantise() -> list[Form]:
    x = In((5, 33), values.wide)

    def both(binding: Binding) -> bool:
        return _with_zero(binding) and _like_scale(binding)

    base = Form("plain", (x, _steps(), _zeros()), core=True, only=both)
    every = In(values.every_shape, values.every)
    return [
        base,
        Form("no_zero_point", (x, _steps()), core=True, only=_like_scale),
        Form(
            "every",
            (every, _steps(), _zeros()),
            core=True,
            proved=True,
            only=lambda b: both(b) and _bits(b) <= 8,
        ),
        base.also("uneven", inputs=(x, In((), values.fixed(0.1)), _zeros())),
        Form(
            "far_scale",
            (x, In((), values.fixed(2.0**17))),
            {"output_dtype": number_of("T3", "T2")},
            core=True,
            only=_far_bytes,
        ),
        base.also(
            "uneven_scales",
            inputs=(x, In((), values.fixed(0.1)), _zeros()),
            core=True,
            only=_plain_bytes,
        ),
        Form(
            "axis_1",
            (In((2, 3, 5), values.wide), _steps(3), _zeros(3)),
            {"axis": 1},
            since=13,
            core=True,
            only=both,
        ),
        Form("axis_default", (In((2, 3, 5), values.wide), _steps(3), _zeros(3)), since=13),
        Form("axis_0", (In((3, 5), values.wide), _steps(3), _zeros(3)), {"axis": 0}),
        Form("axis_negative", (In((2, 5), values.wide), _steps(5), _zeros(5)), {"axis": -1}),
        Form(
            "blocked",
            (In((4, 12), values.wide), _steps(4, 3), _zeros(4, 3)),
            {"axis": 1, "block_size": 4},
            core=True,
            only=both,
        ),
        Form("output_dtype", (x, _steps()), {"output_dtype": number_of("T3", "T2")}, core=True),
        base.also("scalar", inputs=(In((), values.wide), _steps(), _zeros())),
        base.also("empty", inputs=(In((0, 3)), _steps(), _zeros())),
        base.also("dynamic", inputs=(In(("N", 3), values.wide), _steps(), _zeros()), sizes=_N),
    ]


def _bytes(binding: Binding) -> bool:
    return next(iter(binding.values())) == "tensor(uint8)"


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
    Family(("QuantizeLinear",), _quantise(), bindings=_quantise_types),
    Family(("DequantizeLinear",), _dequantise(), bindings=_dequantise_types),
    Family(("DynamicQuantizeLinear",), _DYNAMIC_QUANTISE),
)

"""Operators of one tensor, element by element: activations, roots, trigonometry, rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.form import Family, Form, In, varied
from hal_conformance.generated.values import Maker


def _specials(dtype: DType) -> tuple[int, ...]:
    return (len(values.specials(dtype)),)


def forms(everyday: Maker, *more: Form) -> list[Form]:
    """The forms of a unary operator whose everyday inputs that maker makes."""
    return [
        Form("sampled", (In((1031,), everyday),), core=True),
        Form(
            "every",
            (In(values.every_shape, values.every),),
            core=True,
            kinds="narrow",
            proved=True,
        ),
        Form("special", (In(_specials, values.special),), core=True),
        Form("wide", (In((5, 411), values.wide),)),
        Form("scalar", (In((), values.absolute(everyday)),), core=True),
        Form("empty", (In((2, 0, 3), everyday),)),
        Form("one", (In((1, 1, 1), everyday),)),
        Form("tail", (In((19,), everyday),)),
        Form("rank5", (In((2, 1, 3, 5, 7), everyday),)),
        Form(
            "dynamic",
            (In(("N", "M"), everyday),),
            sizes=({"N": 3, "M": 5}, {"N": 8, "M": 17}),
        ),
        *more,
    ]


def _varied(everyday: Maker, **attributes: Sequence[object]) -> list[Form]:
    base = Form("alpha", (In((7, 151), everyday),))
    return forms(everyday, *varied(base, **attributes))


def _shrink() -> list[Form]:
    """Its text says nothing of fractions taken from whole numbers, or of their overflow."""
    made = _varied(_plain, bias=(0.5, -1.0), lambd=(0.0, 1.0, 1.5))
    return [replace(form, kinds="float") if form.label == "special" else form for form in made]


_plain = values.any_
_about4 = values.between(-4, 4)
_about10 = values.between(-10, 10)

FAMILIES = (
    Family(
        ("Abs", "Neg", "Sign", "Relu", "HardSwish", "BitwiseNot", "Not", "IsNaN"), forms(_plain)
    ),
    Family(("Acos", "Asin", "Atanh"), forms(values.between(-1, 1))),
    Family(("Acosh",), forms(values.between(1, 9))),
    Family(("Asinh", "Atan", "Erf", "Sin", "Cos", "Tan", "Softsign"), forms(_about4)),
    Family(("Exp", "Sinh", "Cosh", "Tanh", "Sigmoid", "Softplus", "Mish"), forms(_about10)),
    Family(
        ("Sin", "Cos", "Tan"),
        [Form("far", (In((1031,), values.between(-2000, 2000)),), core=True)],
    ),
    Family(
        ("Exp", "Tanh", "Sigmoid", "Erf", "Softplus", "Mish", "Sinh", "Asinh", "Atanh", "Atan"),
        [Form("near_zero", (In((1031,), values.log_between(-30, 0)),), kinds="float")],
    ),
    Family(("Log", "Sqrt"), forms(values.positive)),
    Family(
        ("Log",), [Form("near_one", (In((1031,), values.between(0.875, 1.125)),), core=True)]
    ),
    Family(("Reciprocal",), forms(values.between(0.5, 8))),
    Family(("Ceil", "Floor", "Round"), forms(_about10)),
    Family(
        ("Ceil", "Floor", "Round"), [Form("halves", (In((1031,), values.halves),), core=True)]
    ),
    Family(("Elu", "Celu"), _varied(_about4, alpha=(0.5, 2.0, 1e-3))),
    Family(("LeakyRelu",), _varied(_plain, alpha=(0.5, 0.0, -0.25, 3.0))),
    Family(("Swish",), _varied(_about4, alpha=(0.5, 0.0, -1.0, 1.702))),
    Family(("ThresholdedRelu",), _varied(_about4, alpha=(0.0, 0.5, -1.0, 2.0))),
    Family(("Selu",), _varied(_about4, alpha=(1.0, 0.25), gamma=(1.0, 2.0))),
    Family(
        ("HardSigmoid",), _varied(_about4, alpha=(0.5, 0.0, 1.0, -0.5), beta=(0.0, 0.25, 1.0))
    ),
    Family(("Gelu",), _varied(_about4, approximate=("none", "tanh"))),
    Family(("Shrink",), _shrink()),
    Family(
        ("Shrink",),
        [
            Form("both", (In((1031,)),), {"bias": 2.0, "lambd": 1.0}, core=True),
            Form(
                "large",
                (In((67,), values.digits(0.75)),),
                {"bias": 2.0, "lambd": 1.0},
                core=True,
                kinds="whole",
            ),
            Form("both_fractions", (In((1031,)),), {"bias": 1.5, "lambd": 0.75}, kinds="float"),
        ],
    ),
    Family(
        ("IsInf",),
        forms(
            _plain,
            *(
                Form(
                    f"negative_{n}_positive_{p}",
                    (In(_specials, values.special),),
                    {"detect_negative": n, "detect_positive": p},
                )
                for n, p in ((0, 1), (1, 0), (0, 0))
            ),
        ),
    ),
)

"""Random draws: types and shapes are judged, and values where the distribution is a point."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Family, Form, In, const, number_of, varied

_SIZES = ({"N": 3}, {"N": 8})


def _draws(exact: dict[str, Any], inputs: tuple[In, ...], **free: Any) -> list[Form]:
    """Forms whose values are free, and one whose distribution is a single point."""
    base = Form("plain", inputs, exact["base"], judged="type")
    parameter = exact["parameter"]
    typed = base.also("typed", attributes={"dtype": number_of(parameter)}, core=True)
    point = base.also("point", attributes=exact["point"], judged="values")
    return [
        base,
        typed,
        *varied(base, seed=(0.0, 7.5), **free),
        base.also("seed_twice", attributes={"seed": 7.0}, twice=True),
        point,
        point.also("point_typed", attributes={"dtype": number_of(parameter)}, core=True),
    ]


_SHAPE = {"shape": [3, 5]}
_E = 1.7320507764816284  # of float32, and of no narrower type
_NORMAL = {"mean": _E, "scale": 0.0}
_UNIFORM = {"low": _E, "high": _E}


def _exact(base: dict[str, Any], parameter: str, point: dict[str, float]) -> dict[str, Any]:
    return {"base": base, "parameter": parameter, "point": point}


def _bernoulli() -> list[Form]:
    sure = (In((5, 7), values.cycle((0, 1, 1))),)
    base = Form("sure", sure, core=True)
    free = Form("free", (In((5, 7), values.between(0, 1)),), judged="type")
    return [
        base,
        base.also("typed", attributes={"dtype": number_of("T2")}, core=True),
        *varied(base, seed=(0.0, 7.5)),
        free,
        free.also("seed_twice", attributes={"seed": 7.0}, twice=True),
        base.also("dynamic", inputs=(In(("N", 2), values.cycle((0, 1))),), sizes=_SIZES),
    ]


def _multinomial() -> list[Form]:
    one = values.cycle((-1e4, 0, -1e4, -1e4))
    base = Form("sure", (In((3, 4), one),), core=True)
    free = Form("free", (In((3, 4)),), {"sample_size": 6}, judged="type")
    return [
        base,
        base.also("typed", attributes={"dtype": number_of("T2")}, core=True),
        *varied(base, sample_size=(1, 5), seed=(0.0, 7.5)),
        free,
        free.also("seed_twice", attributes={"seed": 7.0}, twice=True),
    ]


def _dropout() -> list[Form]:
    data = In((5, 33))
    both = (True, True)
    on = const(1)
    plain = Form("plain", (data,), core=True)
    return [
        plain,
        Form("ratio", (data, const(0.25, "ratio")), core=True),
        Form("mask", (data,), outputs=both, core=True, since=12),
        Form("mask_ratio", (data, const(0.25, "ratio")), outputs=both, since=12),
        Form("inference", (data, const(0.25), const(0)), outputs=both),
        Form("training_nothing", (data, const(0.0), on), outputs=both, core=True),
        Form("training_free", (data, const(0.5), on), outputs=both, judged="type"),
        Form(
            "seed_twice",
            (data, const(0.5), on),
            {"seed": 7},
            outputs=both,
            judged="type",
            twice=True,
        ),
        *varied(Form("training", (data, const(0.0), on)), seed=(0, 7)),
        Form("empty", (In((0, 3)),)),
        Form("dynamic", (In(("N", 3)),), sizes=_SIZES),
    ]


FAMILIES = (
    Family(
        ("RandomNormal",),
        _draws(_exact(_SHAPE, "T", _NORMAL), (), mean=(0.0, 3.0), scale=(1.0, 0.5)),
        vary=("T",),
    ),
    Family(
        ("RandomUniform",),
        _draws(_exact(_SHAPE, "T", _UNIFORM), (), low=(0.0, -1.0), high=(1.0, 3.0)),
        vary=("T",),
    ),
    Family(
        ("RandomNormalLike",),
        _draws(_exact({}, "T2", _NORMAL), (In((3, 5)),), mean=(0.0, 3.0), scale=(1.0, 0.5)),
        vary=("T2",),
        typing="free",
    ),
    Family(
        ("RandomUniformLike",),
        _draws(_exact({}, "T2", _UNIFORM), (In((3, 5)),), low=(0.0, -1.0), high=(1.0, 3.0)),
        vary=("T2",),
        typing="free",
    ),
    Family(("Bernoulli",), _bernoulli(), vary=("T2",), typing="free"),
    Family(("Multinomial",), _multinomial(), vary=("T2",), typing="free"),
    Family(("Dropout",), _dropout(), typing="free"),
)

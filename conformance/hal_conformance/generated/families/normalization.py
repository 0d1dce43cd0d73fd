"""Normalisations."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Binding, Family, Form, In, varied
from hal_conformance.generated.values import Maker

_N = ({"N": 1}, {"N": 4})


def _batch(shape: Any, channels: int, make: Maker = values.any_) -> tuple[In, ...]:
    each = (channels,)
    return (
        In(shape, make),
        In(each, values.between(0.5, 2), weight=True),
        In(each, weight=True),
        In(each, values.between(-1, 1), weight=True),
        In(each, values.between(0.25, 2), weight=True),
    )


def _batch_norm() -> list[Form]:
    base = Form("plain", _batch((2, 5, 3, 7), 5), core=True)
    training = Form(
        "training",
        _batch((4, 3, 9, 31), 3),
        {"training_mode": 1},
        outputs=(True, True, True),
        since=14,
        core=True,
    )
    return [
        base,
        *varied(base, epsilon=(1e-3, 0.5), momentum=(0.5,)),
        Form("vector", _batch((7, 5), 5)),
        Form("three_dimensions", _batch((1, 2, 3, 4, 5), 2)),
        Form("offset", _batch((2, 3, 5, 7), 3, values.between(60, 64)), core=True),
        Form(
            "zero_variance",
            (*_batch((2, 3, 5), 3)[:4], In((3,), values.fixed([0, 0, 1]), weight=True)),
        ),
        training,
        *varied(training, "training_", momentum=(0.0, 0.5, 1.0), epsilon=(0.5,)),
        Form("dynamic", _batch(("N", 3, 5, 5), 3), sizes=_N),
        Form("given", tuple(In(i.shape, i.make) for i in _batch((2, 3, 5), 3))),
    ]


def _instance() -> list[Form]:
    def given(shape: Any, make: Maker = values.any_) -> tuple[In, ...]:
        each = (shape[1],)
        return (
            In(shape, make),
            In(each, values.between(0.5, 2), weight=True),
            In(each, weight=True),
        )

    base = Form("plain", given((2, 3, 5, 7)), core=True)
    return [
        base,
        *varied(base, epsilon=(1e-3, 0.5)),
        Form("long", given((1, 2, 33, 33)), core=True),
        Form("offset", given((1, 2, 33, 33), values.between(60, 64))),
        Form("constant", given((1, 2, 4, 4), values.fixed([3.0] * 32))),
        Form("one_dimension", given((2, 3, 17))),
        Form("dynamic", given(("N", 3, 5, 5)), sizes=_N),
    ]


def _double(binding: Binding) -> bool:
    return binding["T"] == "tensor(double)"


def _layer() -> list[Form]:
    def form(label: str, shape: Any, normed: Any, bias: bool = True, **more: Any) -> Form:
        make = more.pop("make", values.any_)
        attributes = more.pop("attributes", {})
        given = (In(shape, make), In(normed, values.between(0.5, 2), weight=True))
        return Form(
            label, (*given, In(normed, weight=True)) if bias else given, attributes, **more
        )

    base = form("plain", (2, 3, 17), (17,), core=True)
    every = base.also("statistics", outputs=(True, True, True), core=True)
    return [
        base,
        every,
        *varied(base, epsilon=(1e-3, 0.5), stash_type=(1,), axis=(-1, 2)),
        every.also("stash_type_16", attributes={"stash_type": 16}),
        base.also("stashed_double", attributes={"stash_type": 11}, core=True, only=_double),
        form("no_bias", (2, 3, 17), (17,), bias=False, core=True),
        form("long", (2, 1031), (1031,), core=True),
        form("offset", (2, 1031), (1031,), make=values.between(60, 64)),
        form("two_axes", (2, 3, 17), (3, 17), attributes={"axis": 1}),
        form("negative", (2, 3, 17), (3, 17), attributes={"axis": -2}),
        form("all", (2, 3, 5), (2, 3, 5), attributes={"axis": 0}),
        form(
            "statistics_two_axes",
            (2, 3, 17),
            (3, 17),
            attributes={"axis": 1},
            outputs=(True, True, True),
        ),
        form("constant", (2, 8), (8,), make=values.cycle((3.0,))),
        form("size_one", (5, 1), (1,)),
        form("broadcast_scale", (2, 3, 17), (1,), bias=False),
        form("dynamic", ("N", 3, 17), (17,), sizes=_N),
    ]


def _rms() -> list[Form]:
    def form(label: str, shape: Any, normed: Any, **more: Any) -> Form:
        make = more.pop("make", values.any_)
        given = (In(shape, make), In(normed, values.between(0.5, 2), weight=True))
        return Form(label, given, more.pop("attributes", {}), **more)

    base = form("plain", (2, 3, 17), (17,), core=True)
    return [
        base,
        *varied(base, epsilon=(1e-3, 0.5), stash_type=(1, 11), axis=(-1, 2)),
        base.also("stashed_double", attributes={"stash_type": 11}, core=True, only=_double),
        form("long", (2, 1031), (1031,), core=True),
        form("two_axes", (2, 3, 17), (3, 17), attributes={"axis": 1}),
        form("negative", (2, 3, 17), (3, 17), attributes={"axis": -2}),
        form("tiny", (2, 8), (8,), make=values.log_between(-12, -10)),
        form("zeros", (2, 8), (8,), make=values.cycle((0.0,))),
        form("dynamic", ("N", 3, 17), (17,), sizes=_N),
    ]


def _group() -> list[Form]:
    def form(label: str, shape: Any, groups: int, **more: Any) -> Form:
        make = more.pop("make", values.any_)
        attributes = {"num_groups": groups, **more.pop("attributes", {})}
        before_21 = more.pop("old")
        each = (groups if before_21 else shape[1],)
        given = (
            In(shape, make),
            In(each, values.between(0.5, 2), weight=True),
            In(each, weight=True),
        )
        limits: dict[str, Any] = {"before": 21} if before_21 else {"since": 21}
        return Form(label, given, attributes, ranks=(len(shape),), **limits, **more)

    forms: list[Form] = []
    for old in (True, False):
        base = form("plain", (2, 6, 5, 7), 2, old=old, core=True)
        forms += [
            base,
            *varied(base, epsilon=(1e-3, 0.5), stash_type=(1, 11)),
            base.also("stashed_double", attributes={"stash_type": 11}, core=True, only=_double),
            form("num_groups_1", (2, 6, 5), 1, old=old),
            form("num_groups_6", (2, 6, 5), 6, old=old),
            form("long", (1, 4, 23, 23), 2, old=old, core=True),
            form("offset", (1, 4, 23, 23), 2, old=old, make=values.between(60, 64)),
            form("dynamic", ("N", 6, 5), 3, old=old, sizes=_N),
        ]
    return forms


def _lrn() -> list[Form]:
    base = Form("plain", (In((2, 7, 5, 3), values.between(-4, 4)),), {"size": 3}, core=True)
    return [
        base,
        *varied(base, size=(1, 5, 9), alpha=(0.5, 2.0), beta=(0.5, 1.0), bias=(2.0,)),
        base.also("even", attributes={"size": 4, "alpha": 0.5}),
        base.also("strong", attributes={"alpha": 2.0, "beta": 0.5}, core=True),
        base.also("dynamic", inputs=(In(("N", 7, 3, 3)),), sizes=_N),
    ]


def _lp() -> list[Form]:
    base = Form("plain", (In((3, 4, 17)),), core=True)
    return [
        base,
        *varied(base, axis=(0, 1, 2, -1, -2), p=(1, 2)),
        base.also("first_norm", attributes={"p": 1, "axis": 1}, core=True),
        base.also("long", inputs=(In((2, 1031)),), core=True),
        base.also("size_one", inputs=(In((4, 1)),)),
        base.also("dynamic", inputs=(In(("N", 5)),), sizes=_N),
    ]


def _mean_variance() -> list[Form]:
    # Its body raises T to a float32 power and lacks a default: onnx's inference refuses both.
    base = Form("plain", (In((3, 4, 5, 7)),), core=True, inferred=False, ranks=(4,))
    return [
        base,
        *varied(base, axes=([0, 2, 3], [2, 3], [1], [0, 1, 2, 3])),
        base.also("long", inputs=(In((2, 3, 23, 23)),), core=True),
        base.also("dynamic", inputs=(In(("N", 3, 5, 5)),), sizes=({"N": 2}, {"N": 4})),
    ]


FAMILIES = (
    Family(("BatchNormalization",), _batch_norm(), typing="tied"),
    Family(
        ("BatchNormalization",),
        [
            Form(
                "mixed",
                _batch((2, 5, 3, 7), 5),
                core=True,
                since=14,
                only=lambda b: len(set(b.values())) > 1,
            )
        ],
        typing="free",
    ),
    Family(("InstanceNormalization",), _instance()),
    Family(("LayerNormalization",), _layer(), vary=()),
    Family(("RMSNormalization",), _rms()),
    Family(("GroupNormalization",), _group()),
    Family(("LRN",), _lrn()),
    Family(("LpNormalization",), _lp()),
    Family(("MeanVarianceNormalization",), _mean_variance()),
)

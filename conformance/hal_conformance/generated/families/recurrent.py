"""Recurrent networks: RNN, GRU, LSTM."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Family, Form, In
from hal_conformance.generated.kinds import KINDS, kinds
from hal_conformance.generated.newest import newest, sizes

_WEIGHT = values.between(-1, 1)
_STEPS, _BATCH, _INPUT, _HIDDEN = 5, 3, 4, 6


def _given(
    gates: int, directions: int = 1, *, layout: int = 0, **extra: bool
) -> tuple[In | None, ...]:
    """X, W, R and those of B, lengths, initial_h, initial_c, P that are asked for."""
    steps: Any = "L" if extra.get("dynamic") else 1 if extra.get("single") else _STEPS
    batch = _BATCH
    h, d = _HIDDEN, directions
    state = (batch, d, h) if layout else (d, batch, h)
    x = (batch, steps, _INPUT) if layout else (steps, batch, _INPUT)
    inputs: list[In | None] = [
        In(x),
        In((d, gates * h, _INPUT), _WEIGHT, weight=True),
        In((d, gates * h, h), values.between(-0.5, 0.5), weight=True),
        In((d, 2 * gates * h), _WEIGHT, weight=True) if extra.get("bias") else None,
        In((batch,), values.fixed([5, 2, 3])) if extra.get("lengths") else None,
        In(state, _WEIGHT) if extra.get("initial") else None,
    ]
    if gates == 4:
        inputs.append(In(state, _WEIGHT) if extra.get("initial") else None)
        inputs.append(In((d, 3 * h), _WEIGHT, weight=True) if extra.get("peephole") else None)
    while inputs[-1] is None:
        inputs.pop()
    return tuple(inputs)


def _forms(gates: int, activations: tuple[str, ...], others: tuple[str, ...]) -> list[Form]:
    outputs = (True, True, True)[: 3 if gates == 4 else 2]
    size = {"hidden_size": _HIDDEN}
    base = Form("plain", _given(gates), size, core=True, outputs=outputs)
    everything = {"bias": True, "initial": True}

    def form(label: str, directions: int = 1, **more: Any) -> Form:
        attributes = {**size, **more.pop("attributes", {})}
        core = more.pop("core", False)
        return base.also(
            label, inputs=_given(gates, directions, **more), attributes=attributes, core=core
        )

    return [
        base,
        form("bias", bias=True),
        form("one_step", core=True, single=True, **everything),
        base.also(
            "hidden_size_other",
            attributes={"hidden_size": _HIDDEN + 1},
            judged="refusal",
            inferred=False,
            ranks=(4, 3, 3)[: len(outputs)],
        ),
        form("everything", core=True, **everything),
        form("lengths", lengths=True, **everything),
        form("direction_forward", attributes={"direction": "forward"}),
        form("direction_reverse", attributes={"direction": "reverse"}, **everything),
        form(
            "direction_bidirectional",
            2,
            attributes={"direction": "bidirectional"},
            core=True,
            **everything,
        ),
        form("reverse_lengths", lengths=True, attributes={"direction": "reverse"}),
        form("layout_0", attributes={"layout": 0}),
        form("layout_1", attributes={"layout": 1}, layout=1, **everything),
        form("clip_0.25", attributes={"clip": 0.25}, **everything),
        form("activations_default", attributes={"activations": list(activations)}),
        form("activations_others", attributes={"activations": list(others)}, **everything),
        form(
            "activation_alpha",
            attributes={
                "activations": ["LeakyRelu", *activations[1:]],
                "activation_alpha": [0.25],
            },
        ),
        form(
            "activation_beta",
            attributes={
                "activations": ["HardSigmoid", *activations[1:]],
                "activation_alpha": [0.25],
                "activation_beta": [0.375],
            },
        ),
        form("dynamic", dynamic=True).also("dynamic", sizes=({"L": 2}, {"L": 7}), core=False),
        base.also("last_only", outputs=(False, True)),
        base.also("all_only", outputs=(True,)),
    ]


def _breadth(gates: int) -> list[Form]:
    """Every kind of number in what is fed, and sizes that kernels tell apart."""
    states = 2 if gates == 4 else 1
    batch, h, wide = 2 * KINDS, 5, 8
    fed = [In((1, batch, h), kinds(1, KINDS)), In((1, batch, h), _WEIGHT)][:states]
    outputs = (True,) * (states + 1)
    kept = (
        In((2, batch, 4), kinds(1)),
        In((1, gates * h, 4), _WEIGHT, weight=True),
        In((1, gates * h, h), _WEIGHT, weight=True),
        None,
        None,
        *fed,
    )
    grown = (
        In(("L", "B", 18)),
        In((1, gates * wide, 18), values.between(-0.25, 0.25), weight=True),
        In((1, gates * wide, wide), values.between(-0.25, 0.25), weight=True),
    )
    some = sizes("LB", (2, 4), (2, 4), (3, 18), (1, 5), (3, 45))
    alone = (In((1, KINDS, 4), kinds(1)), *kept[1:3])
    return [
        Form("kinds_alone", alone, {"hidden_size": h}, outputs=outputs),
        Form("kinds", kept, {"hidden_size": h}, outputs=outputs),
        Form("shapes", grown, {"hidden_size": wide}, outputs=outputs, sizes=some),
    ]


def _unbounded() -> Form:
    """An activation that lets infinities through."""
    given = (In((1, KINDS, 4), kinds(1)), *_given(1)[1:])
    leaky = {"activations": ["LeakyRelu"], "activation_alpha": [0.25]}
    attributes = {"hidden_size": _HIDDEN, **leaky}
    return Form("kinds_unbounded", given, attributes, outputs=(True, True))


def _reset(value: int) -> Form:
    given = _given(3, bias=True, initial=True)
    attributes = {"hidden_size": _HIDDEN, "linear_before_reset": value}
    return Form(f"linear_before_reset_{value}", given, attributes, outputs=(True, True))


_PEEPHOLE = Form(
    "peephole",
    _given(4, bias=True, initial=True, peephole=True),
    {"hidden_size": _HIDDEN},
    outputs=(True, True, True),
    core=True,
)

FAMILIES = (
    Family(("RNN",), newest("RNN", [*_breadth(1), _unbounded()])),
    Family(("GRU",), newest("GRU", _breadth(3))),
    Family(("LSTM",), newest("LSTM", _breadth(4))),
    Family(("RNN",), _forms(1, ("Tanh",), ("Relu",))),
    Family(
        ("GRU",), [*_forms(3, ("Sigmoid", "Tanh"), ("Tanh", "Sigmoid")), _reset(0), _reset(1)]
    ),
    Family(
        ("LSTM",),
        [
            *_forms(4, ("Sigmoid", "Tanh", "Tanh"), ("Tanh", "Sigmoid", "Relu")),
            _PEEPHOLE,
            _PEEPHOLE.also("input_forget_0", attributes={"input_forget": 0}),
            _PEEPHOLE.also("input_forget_1", attributes={"input_forget": 1}),
        ],
    ),
)

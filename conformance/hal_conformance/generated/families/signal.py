"""Signals: Fourier transforms, windows, the mel matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.entries import FINITE, entries
from hal_conformance.generated.form import Binding, Family, Form, In, const, number_of, varied
from hal_conformance.generated.newest import newest

_N = ({"N": 1}, {"N": 3})


def _dft() -> list[Form]:
    def form(
        label: str, x: Any, length: int | None = None, axis: int | None = None, **more: Any
    ) -> Form:
        attributes = more.pop("attributes", {})
        given = (
            In(x),
            None if length is None else const(length),
            None if axis is None else const(axis, "axis"),
        )
        return Form(label, given, attributes, **more)

    return [
        form("real", (2, 17, 1), core=True),
        form("complex", (2, 16, 2), core=True),
        form("prime", (1, 31, 2)),
        form("long", (1, 1024, 1), kinds="float"),
        form("axis_1", (2, 16, 3, 1), None, 1),
        form("axis_0", (8, 3, 2), None, 0),
        form("axis_-2", (2, 16, 2), None, -2, since=20),
        form("axis_-3", (8, 3, 2), None, -3, since=20),
        form("padded", (2, 11, 1), 16, 1, core=True),
        form("cut", (2, 16, 1), 9, 1),
        form("inverse_0", (2, 16, 2), None, 1, attributes={"inverse": 0}),
        form("inverse_1", (2, 16, 2), None, 1, attributes={"inverse": 1}, core=True),
        form("inverse_prime", (2, 13, 2), None, 1, attributes={"inverse": 1}),
        form("onesided_0", (2, 16, 1), None, 1, attributes={"onesided": 0}),
        form("onesided_1", (2, 16, 1), None, 1, attributes={"onesided": 1}, core=True),
        form("onesided_odd", (2, 15, 1), None, 1, attributes={"onesided": 1}),
        form("one", (2, 1, 1), None, 1),
        form("dynamic", ("N", 16, 1), None, 1, sizes=_N),
        Form("given_length", (In((2, 16, 1)), In((), values.fixed(9))), ranks=(3,)),
    ]


def _stft() -> list[Form]:
    signal = In((2, 64, 1))
    window = In((16,), values.between(0, 1))
    base = Form("window", (signal, const(8), window), core=True)
    both = (signal, const(8), window, const(16))
    made = [
        base,
        Form("length", (signal, const(8), None, const(16)), core=True),
        Form("both", both, core=True),
        *varied(Form("both", both), onesided=(0, 1)),
        Form("complex", (In((1, 48, 2)), const(7), window, const(16)), {"onesided": 0}),
        Form("uneven", (In((1, 61, 1)), const(5), None, const(12))),
        Form("one_frame", (In((1, 16, 1)), const(8), window)),
        Form("dynamic", (In(("N", 64, 1)), const(8), window), sizes=_N),
    ]
    # onnx infers a shape that forgets the default of onesided.
    return [form.also(form.label, core=form.core, inferred=False, ranks=(4,)) for form in made]


def _window() -> list[Form]:
    typed = {"output_datatype": number_of("T2")}
    base = Form("plain", (const(17),), core=True)
    return [
        base,
        Form("typed", (const(16),), typed, core=True),
        *varied(Form("plain", (const(16),)), periodic=(0, 1)),
        Form("symmetric_odd", (const(17),), {"periodic": 0}),
        Form("symmetric_typed", (const(9),), {**typed, "periodic": 0}, core=True),
        Form("one", (const(1),)),
        Form("long", (const(1031),)),
        Form("given", (In((), values.fixed(16)),), ranks=(1,)),
    ]


def _edges(name: str) -> Any:
    def holds(binding: Binding) -> bool:
        return binding["T2"] == f"tensor({name})" and binding["T3"] == "tensor(float)"

    return holds


def _mel() -> list[Form]:
    def form(
        label: str, bins: int, length: int, rate: int, low: float, high: float, **more: Any
    ) -> Form:
        ends = (const(bins), const(length), const(rate), const(low), const(high))
        return Form(label, ends, more.pop("attributes", {}), **more)

    typed = {"output_datatype": number_of("T3")}
    base = form("plain", 8, 16, 8192, 0.0, 4096.0, core=True)
    return [
        base,
        form("typed", 8, 16, 8192, 0.0, 4096.0, attributes=typed, core=True),
        form("edge_float", 8, 1023, 16384, 0.0, 4095.7, core=True, only=_edges("float")),
        form("edge_half", 8, 1023, 16384, 0.0, 4092.0, core=True, only=_edges("float16")),
        form("inside", 5, 64, 16000, 250.0, 4000.0),
        form("large", 40, 512, 16000, 0.0, 8000.0),
        Form(
            "given",
            tuple(In((), values.fixed(v)) for v in (8, 16, 8192, 0.0, 4096.0)),
            ranks=(2,),
        ),
    ]


def _dft_breadth() -> list[Form]:
    """Numbers of every finite kind, an entry each; signals along axes in the middle."""
    return [
        Form("kinds", (In((4, 8, 2), entries(*FINITE)), None, const(1))),
        Form("five_axis_2", (In((2, 3, 8, 5, 2)), None, const(2))),
        Form("five_axis_-3", (In((2, 3, 4, 7, 1)), None, const(-3))),
    ]


def _stft_breadth() -> list[Form]:
    window = In((16,), values.between(0, 1))
    signals = In((4, 24, 1), entries(*FINITE))
    made = [
        Form("kinds", (signals, const(8), window)),
        Form("long", (In((2, 1043, 1)), const(8), window)),
    ]
    return [replace(form, inferred=False, ranks=(4,)) for form in made]


FAMILIES = (
    Family(("DFT",), [*_dft(), *newest("DFT", _dft_breadth())], typing="free"),
    Family(("STFT",), [*_stft(), *_stft_breadth()], typing="free"),
    Family(
        ("BlackmanWindow", "HammingWindow", "HannWindow"),
        _window(),
        vary=("T2",),
        typing="free",
    ),
    Family(("MelWeightMatrix",), _mel(), vary=("T3",), typing="free"),
)

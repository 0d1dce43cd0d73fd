"""Range: from, to and by."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Binding, Family, Form, In, varied


def _is_half(binding: Binding) -> bool:
    return binding["T"] == "tensor(float16)"


def _is(name: str) -> Any:
    def holds(binding: Binding) -> bool:
        return binding["T"] == f"tensor({name})"

    return holds


def _range() -> list[Form]:
    def form(label: str, start: Any, limit: Any, delta: Any, **more: Any) -> Form:
        ends = tuple(In((), values.fixed(v)) for v in (start, limit, delta))
        return Form(label, ends, more.pop("attributes", {}), **more)

    base = form("up", 1, 9, 2, core=True)
    return [
        base,
        form("down", 9, -4, -3, core=True, kinds="signed"),
        form("none", 3, 3, 1),
        form("wrong_way", 3, 1, 1),
        form("fraction", 0.5, 4.0, 0.375, kinds="float", core=True),
        form("tenths", 0.0, 1.0, 0.1, kinds="float"),
        form("long", 0, 1031, 1),
        *(
            form(f"large_{bits}", 2**bits + 1, 2**bits + 40, 7, core=True, only=_is(name))
            for bits, name in ((10, "int16"), (20, "int32"), (40, "int64"), (30, "double"))
        ),
        *varied(base, stash_type=(1,)),
        form(
            "stash_type_10",
            0.0,
            100.0,
            0.1,
            kinds="narrow",
            core=True,
            attributes={"stash_type": 10},
            only=_is_half,
        ),
        form("narrow", 0.0, 100.0, 0.1, kinds="narrow", core=True, only=_is_half),
        form(
            "stash_type_11",
            0.0,
            100.0,
            0.1,
            core=True,
            attributes={"stash_type": 11},
            only=_is("double"),
        ),
    ]


FAMILIES = (Family(("Range",), _range()),)

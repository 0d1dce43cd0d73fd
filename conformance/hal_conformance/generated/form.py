"""What a family of operators declares: the forms of its cases.

A `Form` is one way of calling an operator: its inputs, each a shape and a maker of values, and
its attributes. A `Family` says which operators take which forms. Versions, types, which
attributes and inputs exist, and the types of outputs come from the schema (build.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.registry import Schema, element, inner
from hal_conformance.generated.values import Maker

Dim: TypeAlias = "int | str"
Binding: TypeAlias = Mapping[str, str]
"""By type parameter, the type it stands for: {"T": "tensor(float)"}."""


@dataclass(frozen=True)
class In:
    """One input. A dimension that is a word is symbolic; `Form.sizes` gives its sizes.

    `weight` makes it an initializer. `names` are the attributes that carried it in versions
    where it was no input yet. `length` is that of a sequence, where its type is one.
    `type` is its type where the formal parameter leaves it open ("{V}" refers to a parameter).
    `none` makes an optional empty.
    """

    shape: tuple[Dim, ...] | Callable[[DType], tuple[int, ...]]
    make: Maker = values.any_
    weight: bool = False
    names: tuple[str, ...] = ()
    length: int = 3
    type: str = ""
    none: bool = False


def const(given: Any, *names: str, shape: tuple[int, ...] | None = None) -> In:
    """An initializer with these values, which older versions have as an attribute."""
    found = shape if shape is not None else _shape_of(given)
    return In(found, values.fixed(given), weight=True, names=names)


def _shape_of(given: Any) -> tuple[int, ...]:
    if not isinstance(given, (list, tuple)):
        return ()
    items: Sequence[Any] = cast("Sequence[Any]", given)
    return (len(items), *(_shape_of(items[0]) if items else ()))


Kind: TypeAlias = Literal[
    "any", "float", "whole", "signed", "number", "real", "text", "narrow", "signed_whole"
]

_FLOATS = ("float32", "float64", "float16", "bfloat16")
KINDS: Mapping[Kind, Callable[[DType | None], bool]] = {
    "any": lambda _: True,
    "float": lambda d: d is not None and d.name in _FLOATS,
    "whole": lambda d: d is not None and d.name.startswith(("int", "uint")),
    "signed_whole": lambda d: d is not None and d.name.startswith("int"),
    "signed": lambda d: d is not None and d.name.startswith(("int", "float", "bfloat")),
    "number": lambda d: d is not None and d.name not in ("string", "bool"),
    "real": lambda d: d is not None and d.name not in ("string", "bool") and d.name[0] != "c",
    "text": lambda d: d is not None and d.name == "string",
    "narrow": lambda d: (
        d is not None and 0 < d.bits <= 16 and d.name not in ("uint16", "int16")
    ),
}


@dataclass(frozen=True)
class Form:
    """One way of calling an operator.

    `core` forms are made for every type, the others for the first type that fits. `kinds`
    limits the types of the first type parameter, `only` all of them, `admits` types and
    versions together, `since` and `before` the versions. Attribute values that are functions
    are called with the types. `outputs` says which outputs are asked for, in order; by default
    the required ones. `sizes` are the sizes of symbolic dimensions, a data set each. `judged`
    is "type" where values are free by the standard: random draws; "refusal" where attributes
    contradict the inputs. `twice` asks the same of two nodes, whose answers must be the same:
    draws from one seed. `proved` says that the inputs
    are all there are. `ranks` are those of outputs that onnx cannot infer; `inferred` is False
    where its inference refuses its own function body. `opset` is the standard's, where the
    oldest that has the version will not do. `scope` are inputs of the model that graphs in
    attributes use.
    """

    label: str
    inputs: tuple[In | None, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    core: bool = False
    kinds: Kind = "any"
    since: int = 1
    before: int = 1_000
    outputs: tuple[bool, ...] | None = None
    sizes: tuple[Mapping[str, int], ...] = ({},)
    judged: Literal["values", "type", "refusal"] = "values"
    twice: bool = False
    proved: bool = False
    ranks: tuple[int, ...] = ()
    inferred: bool = True
    opset: int = 0
    scope: Mapping[str, In] = field(default_factory=dict[str, In])
    only: Callable[[Binding], bool] | None = None
    admits: Callable[[Binding, int], bool] | None = None

    def also(self, label: str, **changes: Any) -> Form:
        """The same form with another label and what is different; attributes are merged."""
        attributes = {**self.attributes, **changes.pop("attributes", {})}
        changes.setdefault("core", False)
        return replace(self, label=label, attributes=attributes, **changes)


def varied(base: Form, prefix: str = "", /, **attributes: Iterable[Any]) -> list[Form]:
    """The form with each attribute at each of these values, one at a time."""
    return [
        base.also(f"{prefix}{name}_{_word(value)}", attributes={name: value})
        for name, options in attributes.items()
        for value in options
    ]


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        items: Sequence[Any] = cast("Sequence[Any]", value)
        return "x".join(map(_word, items)) or "none"
    return str(value).replace("/", "over")


@dataclass(frozen=True)
class Family:
    """Operators that are called alike.

    `follow` gives types that others decide: {"S": "seq({T})"}. `vary` names parameters to vary
    that no input has (an attribute sets them). `typing` says how parameters vary: "tied" moves
    all that admit the same types together, "free" one at a time, "product" in every
    combination at the newest version. `refused` are bindings the standard's own text forbids.
    `ranks` are those of forms that name none. `carries` says that values pass through: inputs
    that name no maker hold any bit pattern ("all") or any whole number ("whole").
    """

    ops: tuple[str, ...]
    forms: Sequence[Form]
    domain: str = ""
    follow: Mapping[str, str] = field(default_factory=dict[str, str])
    vary: tuple[str, ...] = ()
    typing: Literal["tied", "free", "product"] = "tied"
    bindings: Callable[[Schema], Iterable[Binding]] | None = None
    refused: Callable[[Binding], bool] | None = None
    ranks: tuple[int, ...] = ()
    carries: Literal["", "all", "whole"] = ""

    def given(self, form: Form) -> Form:
        """The form with the values that this family carries where it names none."""
        if not self.carries or "reduction" in form.attributes:
            return form
        maker = values.held if self.carries == "all" else values.broad
        inputs = tuple(
            replace(one, make=maker) if one is not None and one.make is values.any_ else one
            for one in form.inputs
        )
        scope = {
            name: replace(one, make=maker) if one.make is values.any_ else one
            for name, one in form.scope.items()
        }
        return replace(form, inputs=inputs, scope=scope)


def more(families: Iterable[Family], op: str, forms: Sequence[Form]) -> Family:
    """Other forms of an operator that one of the families has: types and ranks are its."""
    family = next(one for one in families if op in one.ops)
    return replace(family, ops=(op,), forms=forms)


def number_of(*parameters: str) -> Callable[[Binding], int]:
    """An attribute that names the element type of the first parameter that there is."""

    def value(binding: Binding) -> int:
        text = next(binding[name] for name in parameters if name in binding)
        found = element(text) or element(inner(text)[1])
        if found is None:
            raise TypeError(f"{text} has no element type")
        return found.number

    return value

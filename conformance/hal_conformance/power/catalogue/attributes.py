"""Attributes that are ignored, misread, or default to something else: faults by their name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from onnx import AttributeProto

from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    changing_attribute,
    having,
    operators,
)

Change = Callable[[Any, Call], Any]

INT, FLOAT, STRING = AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.STRING
INTS, FLOATS, STRINGS = AttributeProto.INTS, AttributeProto.FLOATS, AttributeProto.STRINGS

CARRIERS = frozenset({"value", "body", "then_branch", "else_branch", "sparse_value", "type"})
"""Attributes that carry graphs and tensors; their own faults are elsewhere."""

FLAGS = (
    "keepdims",
    "count_include_pad",
    "ceil_mode",
    "align_corners",
    "exclude_outside",
    "select_last_index",
    "noop_with_empty_axes",
    "transA",
    "transB",
    "fmod",
    "exclusive",
    "reverse",
    "largest",
    "sorted",
    "upper",
    "allowzero",
    "training_mode",
    "storage_order",
    "layout",
    "linear_before_reset",
    "input_forget",
    "is_causal",
    "interleaved",
    "inverse",
    "onesided",
    "periodic",
    "new_axis",
    "center_point_box",
    "detect_negative",
    "detect_positive",
    "saturate",
    "antialias",
    "is_case_sensitive",
)

OTHER_WORDS = {
    "auto_pad": ("SAME_UPPER", "SAME_LOWER"),
    "mode": (),
    "direction": ("reverse", "forward"),
    "reduction": ("sum", "mean", "add"),
    "post_transform": ("LOGISTIC", "SOFTMAX"),
    "norm": ("L1", "L2"),
    "padding_mode": ("border", "zeros"),
    "coordinate_transformation_mode": ("asymmetric", "align_corners", "half_pixel"),
    "nearest_mode": ("floor", "ceil"),
    "keep_aspect_ratio_policy": ("not_larger", "not_smaller"),
    "approximate": ("tanh", "none"),
    "round_mode": ("down", "nearest"),
    "pixel_format": ("BGR", "Grayscale"),
    "update_rule": ("linear", "gated"),
    "activation": ("silu", "none"),
    "case_change_action": ("LOWER", "UPPER"),
}
"""What a device may take instead of a word: the first that differs."""


def faults() -> Iterator[Fault]:
    """Three or more for each attribute of the standard."""
    for name, kinds in sorted(_named().items()):
        yield Fault(
            f"attribute/ignored/{name}",
            "attribute ignored",
            f"{name} is not looked at: its default, or a constant where it has none",
            having(name),
            changing_attribute(name, _nothing(name)),
        )
        if _has_default(name):
            yield Fault(
                f"default/wrong/{name}",
                "default wrong",
                f"where {name} is not set, something other than the default is taken",
                having(name),
                _otherwise(name),
            )
        for label, summary, change in _misreadings(name, kinds):
            yield Fault(
                f"attribute/{label}/{name}",
                "attribute misread",
                summary,
                having(name),
                changing_attribute(name, change),
            )


def _named() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for operator in operators():
        for name, attribute in operator.attributes.items():
            if name not in CARRIERS:
                found.setdefault(name, set()).add(int(attribute.type.value))
    return found


def _has_default(name: str) -> bool:
    return any(
        name in operator.attributes and operator.attributes[name].default_value.type
        for operator in operators()
    )


def _nothing(name: str) -> Callable[[Any, Call], Any]:
    constants: dict[int, Any] = {INT: 1, FLOAT: 1.0, STRING: "", INTS: [], FLOATS: []}

    def change(_value: Any, call: Call) -> Any:
        attribute = call.operator.attributes[name]
        return constants.get(int(attribute.type.value)) if attribute.required else None

    return change


def _otherwise(name: str) -> Mutate:
    def mutate(call: Call) -> Values:
        attribute = call.operator.attributes.get(name)
        if attribute is None or name in call.given or not attribute.default_value.type:
            return call.evaluate()
        return call.evaluate(**{name: _another(name, call.attributes.get(name))})

    return mutate


def _another(name: str, value: Any) -> Any:
    """Something other than a default."""
    if isinstance(value, str):
        return next((word for word in OTHER_WORDS.get(name, ()) if word != value), value)
    if isinstance(value, float):
        if name == "epsilon":
            return 1e-3 if value < 1e-4 else 1e-7
        return value * 2 if value else 1.0
    if isinstance(value, int):
        if name == "axis":
            return value + 1 if value <= 0 else value - 1
        return 0 if value == 1 else 1
    return value


def _misreadings(name: str, kinds: set[int]) -> Iterator[tuple[str, str, Change]]:
    if name in FLAGS:
        yield "inverted", f"{name} means its opposite", _inverted
    if INT in kinds and name not in FLAGS:
        yield "one-more", f"{name} is one more than it says", _more(1)
        yield "one-less", f"{name} is one less than it says", _more(-1)
    if FLOAT in kinds:
        yield "doubled", f"{name} counts twice", _doubled
        yield "whole", f"{name} is cut to a whole number", _cut
    if {INTS, FLOATS, STRINGS} & kinds:
        yield "reversed", f"{name} is read from its end", _reversed
        yield "first-only", f"the first of {name} stands for all", _first
    if INTS in kinds:
        yield "one-more", f"each of {name} is one more", _each_more
    if name in OTHER_WORDS:
        yield "other-word", f"{name} is taken for another", _other_word(name)


def _inverted(value: Any, _: Call) -> Any:
    return int(not value)


def _more(by: int) -> Change:
    return lambda value, _: value + by if isinstance(value, int) else value


def _doubled(value: Any, _: Call) -> Any:
    return value if value is None else value * 2


def _cut(value: Any, _: Call) -> Any:
    return value and float(int(value))


def _reversed(value: Any, _: Call) -> Any:
    return value and list(reversed(value))


def _each_more(value: Any, _: Call) -> Any:
    return value and [item + 1 for item in value]


def _other_word(name: str) -> Change:
    return lambda value, _: _another(name, value)


def _first(value: Any, _: Call) -> Any:
    if not isinstance(value, list):
        return value
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # decoded
    return [items[0]] * len(items) if items else items

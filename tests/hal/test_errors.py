"""The error tree: fields survive a process border, and classes are what users catch."""

from __future__ import annotations

import pytest

from hal import errors
from hal.errors import HALError


@pytest.mark.parametrize("kind", errors.ALL, ids=lambda kind: kind.__name__)
def test_every_error_crosses_a_border_unchanged(kind: type[HALError]) -> None:
    sent = kind("it broke", node="n1", op="Conv", opset=17, dtype="bfloat16", device="cpu")
    received = errors.from_json(errors.to_json(sent))
    assert type(received) is kind
    assert (received.message, received.fields()) == (sent.message, sent.fields())


def test_extra_fields_cross_too() -> None:
    lost = errors.DeviceLost("gone", signal=11, stderr="Segmentation fault")
    assert errors.from_json(errors.to_json(lost)).fields() == {
        "signal": 11,
        "stderr": "Segmentation fault",
    }


def test_a_subclass_crosses_as_the_nearest_class_of_the_tree() -> None:
    class Private(errors.Unsupported):
        pass

    assert type(errors.from_json(errors.to_json(Private("no")))) is errors.Unsupported


def test_an_unknown_class_name_is_still_one_of_ours() -> None:
    assert type(errors.from_json({"kind": "Nonsense", "message": "?"})) is HALError


def test_a_callers_mistake_is_a_value_error() -> None:
    assert issubclass(errors.InputError, ValueError)

"""Saved programs that carry their signature."""

from __future__ import annotations

import pytest

from hal import saved
from hal.errors import ArtifactError
from hal.spec import TensorSpec

X = TensorSpec("x", "float32", (2, "N", None))
Y = TensorSpec("y", "int64", None, ("sequence",))


def test_what_was_packed_comes_back() -> None:
    blob = b"\x00\n{}\n\xff"
    packed = saved.pack((X,), (Y, X), blob, {"axes": {"in0": 1}})
    assert saved.unpack(packed) == ((X,), (Y, X), blob, {"axes": {"in0": 1}})


@pytest.mark.parametrize("stranger", [b"", b"\xff\xfe", b"[]\n", b"{}\n", b'{"inputs": 1}\n'])
def test_what_was_packed_otherwise_is_refused(stranger: bytes) -> None:
    with pytest.raises(ArtifactError, match="no saved program"):
        saved.unpack(stranger)

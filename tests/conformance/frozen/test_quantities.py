"""References and bounds survive being bytes."""

from __future__ import annotations

import numpy as np
from hal_conformance.corpus.values import Packer
from hal_conformance.frozen import quantities
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hypothesis import given
from hypothesis import strategies as st

floats = st.floats(allow_nan=True, allow_infinity=True)
errors = st.floats(0.0, allow_nan=False, allow_infinity=True)


def kept(quantity: Quantity) -> Quantity:
    packer = Packer()
    described = quantities.pack(quantity, packer)
    return quantities.read(described, memoryview(packer.content()))


@given(
    st.lists(st.tuples(floats, errors), max_size=12),
    st.sampled_from(["float32", "float64", "float16"]),
)
def test_a_value_is_kept_exactly_and_no_bound_shrinks(
    elements: list[tuple[float, float]], dtype: str
) -> None:
    value, error = np.array(elements, np.float64).reshape(-1, 2).T
    found = kept(Pair(value, error, dtype))
    assert isinstance(found, Pair)
    np.testing.assert_array_equal(found.value, value)
    assert (np.signbit(found.value) == np.signbit(value)).all() or np.isnan(value).any()
    assert found.error is not None
    assert (found.error >= error).all()
    finite = np.isfinite(error)
    assert (found.error[finite] / (1 + 2.0**-23) <= error[finite]).all()
    assert (found.error[~finite] == np.inf).all()


def test_what_is_exact_stays_exact() -> None:
    found = kept(Pair.exact(np.arange(5, dtype=np.int32)))
    assert isinstance(found, Pair)
    assert found.is_exact
    assert found.dtype == "int32"


def test_sequences_maps_and_nothing_are_kept() -> None:
    words = Pair.exact(np.array(["a", "ü"], dtype=object), "string")
    table = Table(words, Pair.exact(np.array([1.5, 2.5])))
    found = kept([None, table, []])
    assert isinstance(found, list)
    assert found[0] is None
    assert found[2] == []
    assert isinstance(found[1], Table)
    assert found[1].keys.value.tolist() == ["a", "ü"]


def test_what_jumps_cannot_be_kept() -> None:
    jumping = Pair(np.array([1.0]), None, "float32", accepts=lambda got: got == 1)
    assert not quantities.is_kept([jumping])
    assert quantities.is_kept([Pair.exact(np.array([1.0]))])

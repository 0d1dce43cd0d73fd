"""What is frozen: lines of the lock, sketches of references."""

from __future__ import annotations

import numpy as np
import pytest
from hal_conformance.frozen import lock, verify
from hal_conformance.frozen.lock import Frozen, sketch
from hal_conformance.making import in_silence
from hal_conformance.numerics.pair import Pair
from hypothesis import given
from hypothesis import strategies as st

PARTS = ["ops/Selu", "ops/MaxPool", "ops/ai.onnx.ml/Scaler"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_made_as_it_was_frozen(part: str) -> None:
    frozen = {k: v for k, v in lock.read("ops").items() if k.startswith(f"{part}/")}
    assert frozen
    assert list(verify.compare(frozen, verify.made([part], 1, in_silence))) == []


def test_the_lock_says_in_its_head_what_it_freezes() -> None:
    head = lock.path_of("ops").read_text("ascii").partition("\n")[0]
    frozen = lock.read("ops")
    assert head == f"# the corpus ops: {len(frozen)} cases, {lock.hash_of(frozen.values())}"


def test_a_line_is_read_as_it_is_written() -> None:
    line = next(iter(lock.read("ops").values()))
    assert Frozen.parse(str(line)) == line


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=20), st.data())
def test_the_last_bits_of_a_reference_may_move(
    values: list[float], data: st.DataObject
) -> None:
    moves = data.draw(
        st.lists(st.sampled_from([-1, 0, 1]), min_size=len(values), max_size=len(values))
    )
    exact = np.array(values)
    moved = exact * (1 + np.array(moves) * 2.0**-50)
    assert sketch([Pair.exact(exact)]).agrees(sketch([Pair.exact(moved)]))


@given(st.integers(0, 6), st.floats(2.0**-30, 1.0))
def test_a_reference_that_moved_further_is_noticed(place: int, by: float) -> None:
    exact = np.linspace(-3.0, 4.0, 7)
    moved = exact.copy()
    moved[place] += by
    assert not sketch([Pair.exact(exact)]).agrees(sketch([Pair.exact(moved)]))


def test_two_references_that_changed_places_are_noticed() -> None:
    exact = np.arange(1.0, 40.0)
    assert not sketch([Pair.exact(exact)]).agrees(sketch([Pair.exact(np.roll(exact, 1))]))


@pytest.mark.parametrize("other", [np.nan, np.inf, -np.inf, 0.0])
def test_what_is_no_number_must_stay_what_it_is(other: float) -> None:
    kinds = {np.nan, np.inf, -np.inf, 0.0} - {other}
    for kind in kinds:
        one, two = np.array([1.0, other]), np.array([1.0, kind])
        assert sketch([Pair.exact(one)]).agrees(sketch([Pair.exact(two)])) is (
            bool(np.isnan(kind) and np.isnan(other))
        )


def test_whole_numbers_must_be_equal() -> None:
    one, two = np.array([1, 2, 3]), np.array([1, 2, 4])
    assert not sketch([Pair.exact(one)]).agrees(sketch([Pair.exact(two)]))


def test_a_lock_that_names_something_else_is_told_case_by_case() -> None:
    made = verify.made(["ops/Selu"], 1, in_silence)
    frozen = {line.id: line for line in made}
    first, second, third = made[:3]
    frozen[first.id] = Frozen(first.id, "0" * 16, first.sketch)
    frozen[second.id] = Frozen(second.id, second.hash, lock.Sketch("0" * 8, 1.0, 1.0))
    del frozen[third.id]
    frozen["ops/Selu/99/float32/none"] = first
    told = {one.case: one.what for one in verify.compare(frozen, made)}
    assert set(told) == {first.id, second.id, third.id, "ops/Selu/99/float32/none"}
    assert told[first.id] == "asks something else"
    assert told[second.id].startswith("has other references")
    assert told[third.id] == "is made, and is not frozen"
    assert told["ops/Selu/99/float32/none"] == "is frozen, and is not made"

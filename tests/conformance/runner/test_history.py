"""Bisecting a history: the smallest part of it after which a case fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hal_conformance.runner.history import smallest
from hypothesis import given
from hypothesis import strategies as st


@given(st.sets(st.integers(0, 60), max_size=4), st.integers(0, 61))
def test_exactly_the_culprits_are_left_in_their_order(culprits: set[int], length: int) -> None:
    history = list(range(61 + length))
    found = smallest(history, lambda part: culprits <= set(part))
    assert found == sorted(culprits)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_case_that_fails_after_nothing_needs_nothing(length: int) -> None:
    assert smallest(range(length), lambda part: True) == []


def test_a_long_history_with_one_culprit_takes_few_trials() -> None:
    trials: list[int] = []

    def fails(part: Sequence[int]) -> bool:
        trials.append(len(part))
        return 700 in part

    assert smallest(range(1000), fails) == [700]
    assert len(trials) < 30

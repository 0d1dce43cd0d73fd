"""How long and how often the contract tests ask."""

from __future__ import annotations

from time import sleep

from hal_conformance.suite.crowd import for_a_while


def test_a_quick_device_is_asked_as_often_as_is_wanted() -> None:
    assert list(for_a_while(10)) == list(range(10))


def test_a_slow_device_is_asked_once_at_least_and_not_for_ever() -> None:
    asked = 0
    for _ in for_a_while(1000, patience_s=0.05):
        sleep(0.02)
        asked += 1
    assert 1 <= asked <= 3
    assert list(for_a_while(1000, patience_s=-1)) == [0]

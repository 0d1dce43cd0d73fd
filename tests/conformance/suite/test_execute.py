"""One contract test at a time: what it ends in, and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hal_conformance import suite
from hal_conformance.suite.complaint import complaint
from hal_conformance.suite.execute import judge, target_of
from hal_conformance.suite.fixtures import Bench
from hal_conformance.suite.promise import Need, Promise, Skip

from hal import registry, targets
from hal.device import Device
from hal.errors import (
    DeviceLost,
    DeviceNotFound,
    ExecutionError,
    InputError,
    OutOfMemory,
    Unsupported,
)

TARGET = targets.resolve("toy:0")


@pytest.fixture
def bench(toy: str) -> Bench:
    return Bench(registry.create(toy), TARGET)


def _raise(error: Exception) -> None:
    raise error


def _raising(error: BaseException, *needs: Need) -> Promise:
    def test_something() -> None:
        raise error

    return Promise("group/name", test_something, needs)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (Skip("not this device"), "SKIP", "not this device"),
        (Unsupported("no Erf here"), "GAP", "no Erf here"),
        (AssertionError("got 1, promised 2"), "FAIL", "got 1, promised 2"),
        (AssertionError(), "FAIL", "an assertion without words"),
        (SystemExit(0), "FAIL", "the adapter called exit(0)"),
        (ExecutionError("it broke"), "ERROR", "ExecutionError: it broke"),
        (KeyError("x"), "ERROR", "KeyError: 'x'"),
        (OutOfMemory("full"), "OOM", "OutOfMemory: full"),
        (MemoryError("full"), "OOM", "MemoryError: full"),
    ],
)
def test_what_escapes_is_an_outcome(
    bench: Bench, error: BaseException, outcome: str, reason: str
) -> None:
    assert judge(_raising(error), bench) == (outcome, reason)


def test_a_lost_device_is_for_the_caller_to_judge(bench: Bench) -> None:
    with pytest.raises(DeviceLost):
        judge(_raising(DeviceLost("gone", signal=11)), bench)


def test_what_runs_on_no_device_of_this_machine_was_compiled(bench: Bench) -> None:
    def test_something(device: Device) -> None:
        assert complaint(partial(_raise, DeviceNotFound("no such chip here"))) is None

    promise = Promise("group/name", test_something, ())
    assert judge(promise, bench) == ("COMPILED", "no such chip here")


def test_a_device_that_cannot_be_opened_has_compiled_nothing(toy: str) -> None:
    absent = Bench(registry.create(toy), targets.resolve("toy:absent"))
    outcome, reason = judge(Promise("group/name", lambda: None, ()), absent)
    assert (outcome, (reason or "").partition(":")[0]) == ("ERROR", "DeviceNotFound")


def test_a_kept_promise_passes(bench: Bench) -> None:
    assert judge(Promise("group/name", lambda: None, ()), bench) == ("PASS", None)


def test_a_need_that_is_not_claimed_skips_before_anything_runs(bench: Bench) -> None:
    never = _raising(AssertionError("it ran"), "deterministic")
    assert judge(never, bench) == ("SKIP", "the device does not claim 'deterministic'")


def test_a_null_device_is_not_asked_to_compute(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = bench.device.info
    object.__setattr__(info, "kind", "null")
    try:
        found = judge(_raising(AssertionError("it ran"), "computes"), bench)
    finally:
        object.__setattr__(info, "kind", "cpu")
    assert found == ("SKIP", "a null device computes nothing")


def test_a_case_answers_with_outcome_reason_and_time(toy: str) -> None:
    found = suite.run_case(registry.create(toy), "api/claims/known-words", TARGET.to_json())
    assert found["outcome"] == "PASS"
    assert found["reason"] is None
    assert found["judged_by"] == ["contract"]
    assert 0 <= found["seconds"] < 60


def test_an_unknown_case_is_refused(toy: str) -> None:
    with pytest.raises(InputError, match="no contract test"):
        suite.run_case(registry.create(toy), "api/nothing", TARGET.to_json())


def test_a_target_survives_json() -> None:
    for name, target in targets.all().items():
        assert target_of(target.to_json()) == target, name


def test_every_fixture_can_be_asked_for(bench: Bench) -> None:
    seen: dict[str, Any] = {}

    def test_all(device: Any, raw: Any, zoo: Any, feeds: Any, again: Any, folder: Any) -> None:
        seen.update(locals())
        assert again() is not device
        assert folder.is_dir()
        assert raw.adapter is device.adapter

    asked: Callable[..., None] = test_all
    assert judge(Promise("group/name", asked, ()), bench) == ("PASS", None)
    assert not seen["folder"].exists()

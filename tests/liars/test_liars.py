"""The suite's own suite: every liar is caught, by every contract test; nobody honest is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hal_conformance import suite

from hal import artifact, registry, targets
from hal.artifact import Header
from hal.device import Device
from hal.errors import DeviceLost, InputError
from hal.executable import Executable
from hal.spec import ModelFacts, TensorSpec
from hal.tensor import Tensor
from hal.worker.client import WorkerAdapter

pytestmark = pytest.mark.usefixtures("registered")

TABLE: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("table.toml").read_text(encoding="utf-8")
)
CAUGHT: dict[str, list[str]] = TABLE["caught"]
IN_A_WORKER: dict[str, dict[str, str]] = TABLE["caught-in-a-worker"]
IN_A_BROKEN_SHELL: dict[str, list[str]] = TABLE["caught-in-a-broken-shell"]
NEEDS_A_BROKEN_SHELL = ("binds-anything", "closes-only-once")  # ours keeps their promises
HONEST = ("honest", "claims-nothing", "computes-nothing")
NEARLY_EMPTY = "knows-few-operators"
PROMISES = [case.id.removeprefix("api/") for case in suite.cases()]


def outcome(adapter: str, promise: str) -> tuple[str, str | None]:
    """Run one contract test on a new instance of an adapter."""
    target = targets.resolve(f"{adapter}:0").to_json()
    found = suite.run_case(registry.create(adapter), f"api/{promise}", target)
    return found["outcome"], found["reason"]


def outcome_in_a_worker(adapter: str, promise: str, timeout_s: float) -> str:
    """The same in a process of its own, which may die."""
    worker = WorkerAdapter(adapter)
    arguments = {"case": f"api/{promise}", "target": targets.resolve(f"{adapter}:0").to_json()}
    try:
        found = worker.call(
            "hal_conformance.suite.execute:run_case", arguments, timeout_s=timeout_s
        )
    except DeviceLost as lost:
        return "HANG" if lost.timed_out else "CRASH"
    finally:
        worker.close()
    return str(found["outcome"])


@pytest.mark.parametrize(
    ("liar", "promise"), [(liar, promise) for liar in CAUGHT for promise in CAUGHT[liar]]
)
def test_a_liar_is_caught(liar: str, promise: str) -> None:
    found, reason = outcome(liar, promise)
    assert found in ("FAIL", "ERROR"), f"{liar} got away with {found}: {reason}"
    assert reason


@pytest.mark.parametrize(
    ("liar", "promise", "expected"),
    [(liar, *row) for liar, rows in IN_A_WORKER.items() for row in rows.items()],
)
def test_a_liar_that_harms_its_process_is_caught(
    liar: str, promise: str, expected: str
) -> None:
    timeout_s = 5 if expected == "HANG" else 120
    assert outcome_in_a_worker(liar, promise, timeout_s) == expected


@pytest.mark.parametrize("promise", PROMISES)
def test_an_honest_device_is_not_accused(promise: str) -> None:
    found = {adapter: outcome(adapter, promise) for adapter in HONEST}
    assert {kind for kind, _ in found.values()} <= {"PASS", "SKIP"}, found
    assert "PASS" in {kind for kind, _ in found.values()}, f"nobody was asked: {found}"


@pytest.mark.parametrize("promise", PROMISES)
def test_a_device_of_few_operators_is_not_accused(promise: str) -> None:
    kind, reason = outcome(NEARLY_EMPTY, promise)
    assert kind in {"PASS", "SKIP", "GAP"}, reason


def test_an_honest_device_is_not_accused_in_a_worker() -> None:
    for promise in ("results/values", "process/leaves-stdout-open", "submit/in-order"):
        assert outcome_in_a_worker("honest", promise, 60) == "PASS"


def test_every_promise_catches_a_liar() -> None:
    caught = {promise for promises in CAUGHT.values() for promise in promises}
    caught |= {promise for rows in IN_A_WORKER.values() for promise in rows}
    caught |= {promise for promises in IN_A_BROKEN_SHELL.values() for promise in promises}
    assert caught == set(PROMISES)


def test_every_liar_is_in_the_table(registered: list[str]) -> None:
    listed = {*CAUGHT, *IN_A_WORKER, *HONEST, NEARLY_EMPTY, *NEEDS_A_BROKEN_SHELL}
    assert listed == set(registered)


def _answers_after_close(patch: pytest.MonkeyPatch) -> str:
    def close(self: Executable) -> None:
        """Do nothing."""

    patch.setattr(Executable, "close", close)
    return "honest"


def _believes_every_artifact(patch: pytest.MonkeyPatch) -> str:
    def read(saved: bytes) -> tuple[Header, bytes]:
        start = len(artifact.MAGIC) + 36
        end = start + int.from_bytes(saved[start - 4 : start], "little")
        return Header(**json.loads(saved[start:end])), saved[end:]

    patch.setattr(artifact, "read", read)
    return "honest"


def _checks_no_buffer(patch: pytest.MonkeyPatch) -> str:
    def check(outputs: Sequence[TensorSpec], given: Mapping[str, Any]) -> dict[str, Tensor]:
        named = {spec.name for spec in outputs}
        if not named >= set(given):
            raise InputError(f"no output {set(given) - named}")
        return {name: Tensor.of(array) for name, array in given.items()}

    patch.setattr("hal.executable.check_buffers", check)
    return "binds-anything"


def _closes_every_time(patch: pytest.MonkeyPatch) -> str:
    close = Executable.close

    def close_again(self: Executable) -> None:
        patch.setattr(self, "_closed", False)
        close(self)

    patch.setattr(Executable, "close", close_again)
    return "closes-only-once"


def _ignores_the_claims(patch: pytest.MonkeyPatch) -> str:
    def check_claims(self: Device, facts: ModelFacts) -> None:
        """Believe them."""

    patch.setattr(Device, "_check_claims", check_claims)
    return "honest"


def _blames_the_caller(patch: pytest.MonkeyPatch) -> str:
    def lacks(self: Executable, feature: str) -> InputError:
        return InputError(f"{feature} was never promised")

    patch.setattr(Executable, "_lacks", lacks)
    return "claims-nothing"


BROKEN_SHELLS: dict[str, Callable[[pytest.MonkeyPatch], str]] = {
    "answers-after-close": _answers_after_close,
    "believes-every-artifact": _believes_every_artifact,
    "blames-the-caller": _blames_the_caller,
    "checks-no-buffer": _checks_no_buffer,
    "closes-every-time": _closes_every_time,
    "ignores-the-claims": _ignores_the_claims,
}


@pytest.mark.parametrize(
    ("shell", "promise"),
    [(shell, promise) for shell in IN_A_BROKEN_SHELL for promise in IN_A_BROKEN_SHELL[shell]],
)
def test_a_broken_shell_is_caught(
    shell: str, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = BROKEN_SHELLS[shell](monkeypatch)
    found, reason = outcome(adapter, promise)
    assert found in ("FAIL", "ERROR"), f"{shell} got away with {found}: {reason}"

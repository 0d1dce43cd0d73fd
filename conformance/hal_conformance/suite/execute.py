"""Runs one contract test on one adapter instance, without pytest.

`run_case` is what a worker executes, through `WorkerAdapter.call` with the arguments `case` and
`target`, and what a parent may call with any adapter, a WorkerAdapter included. A worker that
dies under it is for the caller to judge: CRASH or HANG.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from hal.adapter import Adapter
from hal.errors import DeviceLost, DeviceNotFound, HALError, OutOfMemory, Unsupported
from hal.spec import CompileOptions
from hal.targets import EnvSpec, Target, Timeouts
from hal_conformance.suite import promise
from hal_conformance.suite.fixtures import FIXTURES, Bench
from hal_conformance.suite.promise import Promise, Skip

_kept: list[Bench] = []  # the last bench, at most: a worker runs many cases on one adapter


def run_case(adapter: Adapter, case: str, target: dict[str, Any]) -> dict[str, Any]:
    """Run one contract test.

    Args:
        adapter: the instance under test; it stays open.
        case: an id of `hal_conformance.suite.cases()`.
        target: `Target.to_json()`.

    Returns:
        `outcome` (PASS, FAIL, GAP, COMPILED, ERROR, OOM, SKIP), `reason` (text or None),
        `seconds`, `judged_by`.

    Raises:
        InputError: there is no such case. DeviceLost: the adapter is a WorkerAdapter that died.
    """
    found = promise.find(case)
    bench = bench_of(adapter, target_of(target))
    started = perf_counter()
    outcome, reason = judge(found, bench)
    return {
        "outcome": outcome,
        "reason": reason,
        "seconds": perf_counter() - started,
        "judged_by": ["contract"],
    }


def judge(found: Promise, bench: Bench) -> tuple[str, str | None]:
    """The outcome of one promise, and why."""
    try:
        bench.require(found.needs)
        keep(found, bench)
    except Skip as skipped:
        return "SKIP", str(skipped)
    except AssertionError as broken:
        return "FAIL", str(broken) or "an assertion without words"
    except SystemExit as end:
        return "FAIL", f"the adapter called exit({end.code!r})"
    except Exception as error:  # noqa: BLE001  whatever escapes is an outcome
        # Found, opened and compiled for, it is missing when a program runs: it is elsewhere.
        missing = isinstance(error, DeviceNotFound) and "device" in vars(bench)
        return ("COMPILED", str(error)) if missing else of_error(error)
    return "PASS", None


def of_error(error: Exception) -> tuple[str, str]:
    """What an exception that escaped from a contract test means.

    Raises:
        DeviceLost: the process that held the device is gone; its caller knows more.
    """
    if isinstance(error, DeviceLost):
        raise error
    if isinstance(error, Unsupported):
        return "GAP", error.message
    said = error.message if isinstance(error, HALError) else str(error)
    kind = "OOM" if isinstance(error, (OutOfMemory, MemoryError)) else "ERROR"
    return kind, f"{type(error).__name__}: {said}"


def keep(found: Promise, bench: Bench) -> None:
    """Call the test with the fixtures it names."""
    with ExitStack() as stack:
        asked = {name: stack.enter_context(FIXTURES[name](bench)) for name in found.fixtures}
        found.function(**asked)


def bench_of(adapter: Adapter, target: Target) -> Bench:
    """The bench of this adapter instance and target; the last one is kept."""
    if not (_kept and _kept[0].adapter is adapter and _kept[0].target == target):
        _kept[:] = [Bench(adapter, target)]
    return _kept[0]


def target_of(data: dict[str, Any]) -> Target:
    """A target from its JSON."""
    return Target(
        name=data["name"],
        adapter=data["adapter"],
        device=data["device"],
        options=CompileOptions.from_json(data.get("options") or {}),
        arithmetic=data.get("arithmetic"),
        labels=tuple(data.get("labels") or ()),
        timeouts=Timeouts(**dict[str, float](data.get("timeouts") or {})),
        expectations=tuple(Path(path) for path in data.get("expectations") or ()),
        python=data.get("python"),
        source=data.get("source"),
        env=EnvSpec.from_json(data["env"]) if data.get("env") else None,
        host=data.get("host"),
    )

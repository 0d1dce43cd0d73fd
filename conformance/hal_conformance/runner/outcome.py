"""What an attempt's end means: errors to outcomes, two attempts to one.

Read by `slot` and `session`. One execution of a case is an Observation; a case's final outcome
follows from one Observation, or from two where the first went wrong and was repeated alone in a
fresh worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from hal.errors import DeviceLost, HALError, OutOfMemory, Unsupported

AGAIN = frozenset({"FAIL", "ERROR", "CRASH", "HANG", "OOM"})
"""Outcomes that are believed only when the case ends so again in another worker."""

REASON_KEPT = 4000  # characters of a reason: some vendors print whole graphs
STDERR_KEPT = 600  # characters of a lost worker's last words that a reason holds


@dataclass(frozen=True, slots=True)
class Observation:
    """One execution of a case in one worker, judged; times in seconds."""

    outcome: str
    reason: str | None = None
    compile_s: float | None = None
    run_s: float | None = None
    signal: int | None = None
    exit_code: int | None = None
    outputs: tuple[dict[str, Any], ...] = ()
    placement: dict[str, Any] | None = None
    judged_by: tuple[str, ...] = ()
    bounds: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An Observation with the worker it was made in; `history` is what that had run before."""

    seen: Observation
    worker: str
    history: tuple[str, ...]

    @property
    def alone(self) -> bool:
        """Whether the worker was a fresh one."""
        return not self.history

    def agrees(self, other: Attempt) -> bool:
        """Whether the other ended the same way, for the same reason: the same wrong value."""
        ours, theirs = self.seen, other.seen
        return (ours.outcome, ours.reason) == (theirs.outcome, theirs.reason)

    def keep(self) -> dict[str, Any]:
        """All but the history, as plain data; `Attempt.kept` reads it."""
        return {"seen": asdict(self.seen), "worker": self.worker}

    @classmethod
    def kept(cls, data: Mapping[str, Any], history: Iterable[str]) -> Attempt:
        """The attempt that `keep` described."""
        seen = Observation(**data["seen"])
        seen = replace(seen, outputs=tuple(seen.outputs), judged_by=tuple(seen.judged_by))
        return cls(seen, data["worker"], tuple(history))

    def to_json(self, *, with_history: bool) -> dict[str, Any]:
        """As in `records.Attempt`, without what is not set."""
        seen = self.seen
        data = {
            "outcome": seen.outcome,
            "compile_s": _rounded(seen.compile_s),
            "run_s": _rounded(seen.run_s),
            "worker": self.worker,
            "alone": self.alone,
            "history": list(self.history) if with_history else None,
            "signal": seen.signal,
            "exit_code": seen.exit_code,
            "reason": seen.reason,
        }
        return {name: value for name, value in data.items() if value is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def told(reason: str | None) -> str | None:
    """A reason fit to be kept: no longer than it helps, and nothing that is not Unicode."""
    if reason is None:
        return None
    text = reason if len(reason) <= REASON_KEPT else f"{reason[:REASON_KEPT]}..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def of_error(error: HALError, over_limit: str | None = None) -> Observation:
    """What an error means for the case that met it.

    `over_limit` says that the worker was ended because it took too much memory, and how much.
    """
    if over_limit is not None:
        return Observation("OOM", over_limit)
    if isinstance(error, Unsupported):
        return Observation("GAP", error.message)
    if isinstance(error, OutOfMemory):
        return Observation("OOM", error.message)
    if isinstance(error, DeviceLost):
        return _lost(error)
    return Observation("ERROR", f"{type(error).__name__}: {error.message}")


def _lost(error: DeviceLost) -> Observation:
    reason = error.message
    words = (error.stderr or "").strip()
    if words and words not in reason:
        reason = f"{reason}; its last words: {words[-STDERR_KEPT:]}"
    return Observation(
        "HANG" if error.timed_out else "CRASH",
        reason,
        signal=None if error.timed_out else error.signal,
        exit_code=error.exit_code,
    )


def elsewhere(seen: Observation, allow_fallback: bool) -> Observation:
    """A right answer that the host computed is not the device's, unless that is allowed."""
    host = (seen.placement or {}).get("host", 0)
    if seen.outcome != "PASS" or allow_fallback or not host:
        return seen
    nodes = "node" if host == 1 else "nodes"
    return replace(
        seen, outcome="ELSEWHERE", reason=f"right, but {host} {nodes} ran on the host"
    )


def decide(attempts: list[Attempt]) -> Observation:
    """The final word on a case: its first attempt and its last must end alike.

    Raises:
        ValueError: there is no attempt to decide on.
    """
    if not attempts:
        raise ValueError("a case without an attempt has no outcome")
    first, last = attempts[0], attempts[-1]
    if first.seen.outcome == last.seen.outcome:
        return last.seen
    before = len(first.history)
    reason = (
        f"{first.seen.outcome} after {before} other case{'s' * (before != 1)} in worker "
        f"{first.worker}, {last.seen.outcome} alone in {last.worker}: {first.seen.reason}"
    )
    return replace(last.seen, outcome="FLAKE", reason=reason, signal=first.seen.signal)


def record(
    target: str, case: str, facts: Mapping[str, Any], attempts: list[Attempt]
) -> dict[str, Any]:
    """The final record of a case, as `records.CaseRecord` reads it.

    `facts` are what the corpus knows of the case: case_hash, ops, dtypes, arithmetic.
    """
    final = decide(attempts)
    flake = final.outcome == "FLAKE"
    return {
        "schema": 1,
        "case": case,
        "case_hash": facts["case_hash"],
        "target": target,
        "outcome": final.outcome,
        "expected": None,
        "unexpected": False,
        "ops": list(facts.get("ops", ())),
        "dtypes": list(facts.get("dtypes", ())),
        "arithmetic": facts.get("arithmetic"),
        "judged_by": list(final.judged_by),
        "bounds": final.bounds,
        "placement": final.placement,
        "outputs": list(final.outputs),
        "attempts": [attempt.to_json(with_history=flake) for attempt in attempts],
        "signal": final.signal,
        "reason": final.reason,
    }

"""The end of `hal conform` and `hal judge`: reports, a summary, the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.cli import failures, output

if TYPE_CHECKING:
    from hal_conformance.gate import Problem
    from hal_conformance.profiles.verdict import ProfileVerdict
    from hal_conformance.report.summary import Summary
    from hal_conformance.runner.run import Ended

TOLD = 50
"""How many of the gate's problems are printed."""


def conclude(ended: Ended, summary: Summary, folder: Path, *, gate: bool, as_json: bool) -> int:
    """Say how a run went, whose reports are written.

    Returns:
        The exit code.
    """
    problems = _problems(ended) if gate else []
    if as_json:
        output.emit_json(_document(ended, folder, problems if gate else None))
    else:
        _print(summary, ended, folder, problems)
    if ended.faults:
        output.note(f"hal: the suite itself failed {ended.faults} times: this is a bug")
        return failures.BROKE
    return failures.DISAGREE if problems else failures.OK


def note_missing(missing: int, cases: int) -> None:
    """Say that answers are missing: such cases are in no results, and no verdict is given."""
    output.note(f"hal: {missing:,} of {cases:,} cases have no answer and no status")


def write_reports(ended: Ended, folder: Path) -> Summary:
    """Write the reports of a run beside its results."""
    from hal_conformance.report import render, summarise
    from hal_conformance.results import replace as put

    summary = summarise(ended.results)
    for name, text in render(summary).items():
        put(folder / name, text.encode("utf-8"))
    return summary


def _problems(ended: Ended) -> list[Problem]:
    from hal_conformance.gate import gate

    return gate(ended.results, ended.expectations)


def _document(ended: Ended, folder: Path, problems: list[Problem] | None) -> dict[str, Any]:
    from hal_conformance.runner.finish import summary

    found: dict[str, Any] = {
        "folder": str(folder),
        "complete": True,
        "targets": summary(ended.results),
    }
    for target, verdict in _verdicts(ended).items():
        found["targets"][target]["profile"] = verdict.to_json()
    if problems is not None:
        listed = [
            {"kind": problem.kind, "target": problem.target, "case": problem.case}
            | {"where": problem.where, "message": problem.message}
            for problem in problems
        ]
        found["gate"] = {"passed": not problems, "problems": listed}
    return found


def _verdicts(ended: Ended) -> dict[str, ProfileVerdict]:
    """By target: the verdict on the run's profile; empty where it had none."""
    from hal_conformance.profiles.verdict import of_run

    header = ended.results.header
    if header.profile is None:
        return {}
    recorded = header.profile.model_dump(mode="json")
    names = [target.target for target in header.targets]
    return {name: of_run(recorded, ended.results.of_target(name)) for name in names}


def _print(summary: Summary, ended: Ended, folder: Path, problems: list[Problem]) -> None:
    outcomes = summary.outcomes()
    columns = ["TARGET", "CASES", *(outcome.value for outcome in outcomes), "UNEXPECTED"]
    rows = [
        [target.header.target, str(target.tally.total)]
        + [str(target.tally[outcome]) for outcome in outcomes]
        + [str(target.tally.unexpected)]
        for target in summary.targets
    ]
    output.table(columns, rows, numbers=columns[1:])
    output.line()
    for target in summary.targets:
        lines = [verdict.line for verdict in target.suites.values()]
        for line in lines or [target.verdict.line]:
            output.line(line)
    for name, verdict in _verdicts(ended).items():
        from hal_conformance.commands.profiles import print_verdict

        output.line()
        print_verdict(name, verdict)
    output.line(f"report: {folder / 'report.html'}")
    for problem in problems[:TOLD]:
        output.note(f"gate: {problem}")
    if len(problems) > TOLD:
        output.note(f"gate: and {len(problems) - TOLD:,} more; --json lists them")

"""`hal profiles`: what is declared, what is in it, and what a run says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.cli import failures, output
from hal.errors import InputError
from hal_conformance.profiles.loading import load, names
from hal_conformance.profiles.suites import installed

if TYPE_CHECKING:
    from hal_conformance.profiles.profile import Profile
    from hal_conformance.profiles.scope import Scope
    from hal_conformance.profiles.verdict import ProfileVerdict
    from hal_conformance.results import Results


def run_list(*, as_json: bool) -> int:
    """List the shipped profiles.

    Returns:
        The exit code.
    """
    found = [installed(load(name)) for name in names()]
    if as_json:
        output.emit_json({"profiles": [_told(scope) for scope in found]})
        return failures.OK
    columns = ["PROFILE", "VERSION", "ARITHMETIC", "MANDATORY", "OPTIONAL", "TITLE"]
    rows = [
        [
            scope.profile.name,
            scope.profile.version,
            scope.profile.arithmetic,
            str(scope.count("mandatory")),
            str(scope.count("optional")),
            scope.profile.title,
        ]
        for scope in found
    ]
    output.table(columns, rows, numbers=("MANDATORY", "OPTIONAL"))
    return failures.OK


def run_show(name: str, cases: str | None, *, as_json: bool) -> int:
    """Tell what is in a profile.

    Args:
        name: its name, or its file.
        cases: the part or the tier whose cases are listed instead.
        as_json: one document.

    Returns:
        The exit code.
    """
    scope = installed(load(name))
    if cases is not None:
        return _show_cases(scope, cases, as_json=as_json)
    if as_json:
        output.emit_json(_told(scope) | {"definition": scope.profile.to_json()})
        return failures.OK
    _print(scope)
    return failures.OK


def _show_cases(scope: Scope, part: str, *, as_json: bool) -> int:
    listed = [c for (tier, n), ids in scope.parts.items() if part in (tier, n) for c in ids]
    if not listed:
        known = [*dict.fromkeys(word for key in scope.parts for word in key)]
        raise InputError(f"{scope.profile.name} has no cases in {part!r}; it has {known}")
    if as_json:
        output.emit_json({"profile": scope.profile.name, "part": part, "cases": listed})
    else:
        for case in listed:
            output.line(case)
    return failures.OK


def _print(scope: Scope) -> None:
    profile = scope.profile
    output.line(f"{profile.name} {profile.version}: {profile.title}")
    output.line(f"judged by {profile.arithmetic}; profile {profile.hash}")
    kind = "the published scope" if scope.is_published else "not the published scope"
    output.line(f"scope {scope.hash}, {kind}")
    output.line()
    reasons = {part.name: part.reason for _, part in profile.parts()}
    rows = [
        [tier, name, str(len(cases)), reasons[name]]
        for (tier, name), cases in scope.parts.items()
    ]
    output.table(["TIER", "PART", "CASES", "REASON"], rows, numbers=("CASES",))
    for _, part in profile.parts():
        operators = {op for rule in part.rules for op in rule.operators or ()}
        if operators:
            output.line()
            output.line(f"{part.name}: {', '.join(sorted(operators))}")
    for source in profile.sources:
        output.line(f"source: {source}")


def _told(scope: Scope) -> dict[str, Any]:
    record = scope.record()
    del record["definition"]
    return record | {
        "title": scope.profile.title,
        "mandatory": scope.count("mandatory"),
        "optional": scope.count("optional"),
    }


def run_verdict(name: str, folder: Path, *, as_json: bool) -> int:
    """Judge a run by a profile.

    Returns:
        The exit code.

    Raises:
        InputError: no such profile, no results there, or judged by another arithmetic.
    """
    from hal_conformance.results import read

    scope = installed(load(name))
    results = read(folder)
    verdicts = {
        header.target: _verdict(scope, results, header.target, header.arithmetic)
        for header in results.header.targets
    }
    if as_json:
        told = {target: verdict.to_json() for target, verdict in verdicts.items()}
        output.emit_json({"profile": name, "targets": told})
    else:
        for target, verdict in verdicts.items():
            print_verdict(target, verdict)
    conformant = all(verdict.standing == "conformant" for verdict in verdicts.values())
    return failures.OK if conformant else failures.DISAGREE


def _verdict(
    scope: Scope, results: Results, target: str, declared: str | None
) -> ProfileVerdict:
    from hal_conformance.frozen.bounding import ASSUMED
    from hal_conformance.profiles.verdict import verdict

    profile = scope.profile
    recorded = results.header.profile
    by = recorded.arithmetic if recorded is not None else declared or ASSUMED
    _require(profile, target, by)
    cases = {part: len(ids) for (_, part), ids in scope.parts.items()}
    records = results.of_target(target)
    return verdict(profile, records, cases, published=scope.is_published)


def _require(profile: Profile, target: str, judged_by: str) -> None:
    if judged_by != profile.arithmetic:
        raise InputError(
            f"{target} was judged by {judged_by}, and {profile.name} judges by "
            f"{profile.arithmetic}: run `hal conform {target} --profile {profile.name}`"
        )


def print_verdict(target: str, verdict: ProfileVerdict) -> None:
    """The verdict on a target, a line for all and a table of the parts."""
    output.line(f"{target}: {verdict.line}")
    columns = ["TIER", "PART", "CASES", "PASS", "UNJUDGED", "GAP", "FAULTS", "NOT RUN", "SHARE"]
    rows = [
        [
            part.tier,
            part.name,
            *(str(n) for n in (part.cases, part.passed, part.unjudged, part.gaps)),
            *(str(n) for n in (part.faults, part.not_run)),
            f"{part.share:.1%}",
        ]
        for part in verdict.parts
    ]
    output.table(columns, rows, numbers=columns[2:])

"""The report as Markdown: for pull requests, release notes and terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report import findings_text, twice
from hal_conformance.report.environment import facts, fingerprint, target_facts
from hal_conformance.report.operators import OperatorSummary
from hal_conformance.report.summary import MEANING, Summary, TargetSummary
from hal_conformance.report.tally import Tally
from hal_conformance.report.text import code, figure, first_line, markdown, table
from hal_conformance.report.verdict import Verdict

SHOWN = 50
"""Findings, failures and gaps shown a target; the rest is counted, and in the other files."""


def render(summary: Summary) -> str:
    """The whole document."""
    parts = [
        "# ONNX conformance\n",
        _verdicts(summary),
        _problems(summary),
        _section("Outcomes", _outcomes(summary)),
        _section("By suite", _suites(summary)),
        *(_profile(target) for target in summary.targets),
        *(_findings(target) for target in summary.targets),
        _section("The standard's cases, judged twice", _twice(summary)),
        *(_failures(target) for target in summary.targets),
        *(_known(target) for target in summary.targets),
        _section("By kind", _matrix(summary, "kind", lambda target: target.kinds)),
        _section("By operator", _matrix(summary, "operator", lambda target: target.ops)),
        _section("What bounds say of operators", _operators(summary)),
        _section("By type", _matrix(summary, "type", lambda target: target.dtypes)),
        _section("Placement", _placement(summary)),
        *(_gaps(target) for target in summary.targets),
        _section("Environment", _environment(summary)),
    ]
    return "\n".join(part for part in parts if part)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _verdicts(summary: Summary) -> str:
    return "".join(
        f"* **{markdown(target.name)}: {markdown(target.verdict.answer)}**: "
        f"{markdown(target.verdict.detail)}\n"
        + (f"  * profile {markdown(target.profile.line)}\n" if target.profile else "")
        for target in summary.targets
    )


def _problems(summary: Summary) -> str:
    return "".join(f"> damaged: {markdown(problem)}\n" for problem in summary.problems)


def _outcomes(summary: Summary) -> str:
    outcomes = summary.outcomes()
    head = ["target", *(o.value for o in outcomes), "cases", "judged", "passed", "unexpected"]
    rows = (
        [
            markdown(target.name),
            *(f"{target.tally[outcome]:,}" for outcome in outcomes),
            f"{target.tally.total:,}",
            f"{target.tally.judged:,}",
            _share(target.tally),
            f"{target.tally.unexpected:,}",
        ]
        for target in summary.targets
    )
    legend = "".join(f"* {outcome.value}: {MEANING[outcome]}\n" for outcome in outcomes)
    return f"{table(head, rows)}\n{legend}"


def _share(tally: Tally) -> str:
    return f"{tally.share} ({tally.percent})" if tally.judged else tally.share


def _failures(target: TargetSummary) -> str:
    shown = target.failures[:SHOWN]
    if not shown:
        return ""
    rows = (
        [
            code(failure.record.case),
            ("unexpected " if failure.record.is_news else "") + failure.record.outcome.value,
            markdown(first_line(failure.record.reason or failure.record.cause)),
            code(failure.repro),
        ]
        for failure in shown
    )
    rest = len(target.failures) - len(shown)
    more = f"\nand {rest:,} more; results.jsonl has them all.\n" if rest else ""
    body = table(["case", "outcome", "reason", "run it again"], rows, numbers_from=9)
    return _section(f"Failures on {markdown(target.name)}", body + more)


def _suites(summary: Summary) -> str:
    rows = (
        [markdown(target.name), markdown(suite), *_verdict(verdict)]
        for target in summary.targets
        for suite, verdict in target.suites.items()
    )
    head = ["target", "suite", "verdict", "passed of judged", "apart", "unexpected"]
    return table(head, rows, numbers_from=3)


def _verdict(verdict: Verdict) -> list[str]:
    counts = verdict.tally
    told = [_share(counts), f"{counts.apart:,}", f"{counts.unexpected:,}"]
    return [verdict.conformance.value, *told]


def _profile(target: TargetSummary) -> str:
    found = target.profile
    if found is None:
        return ""
    rows = (
        [markdown(part.name), part.tier, part.standing]
        + [f"{n:,}" for n in (part.cases, part.passed, part.faults, part.gaps)]
        + [f"{n:,}" for n in (part.unjudged, part.not_run)]
        for part in found.parts
    )
    head = ["part", "", "standing", "cases", "pass", "faults", "gaps", "unjudged", "not run"]
    body = f"{markdown(found.line)}\n\n{table(head, rows, numbers_from=3)}"
    return _section(f"Profile on {markdown(target.name)}", body)


def _findings(target: TargetSummary) -> str:
    title = f"Findings on {markdown(target.name)}"
    return _section(title, findings_text.of_target(target, SHOWN))


def _twice(summary: Summary) -> str:
    """Where the standard's tolerance and the bounds disagree."""
    targets = [target for target in summary.targets if target.twice.total]
    if not targets:
        return ""
    pairs = [(ours, theirs) for ours in twice.BOTH for theirs in twice.BOUNDS]
    head = ["target", *(f"{ours.value}, bounds {theirs.value}" for ours, theirs in pairs)]
    rows = (
        [
            markdown(target.name),
            *(f"{target.twice.counts.get(pair, 0):,}" for pair in pairs),
        ]
        for target in targets
    )
    lists = [
        text
        for target in targets
        for title, records in (
            ("passes the tolerance, beyond its bound", target.twice.hidden),
            ("fails the tolerance, within its bound", target.twice.noise),
        )
        if (text := _disagreeing(target.name, title, records))
    ]
    return "\n".join([TWICE, table(head, rows), *lists])


TWICE = (
    "By the standard's tolerance first. What passes it beyond a bound is a fault that it "
    "hides; what fails it within the bound is noise of the comparison.\n"
)


def _disagreeing(target: str, title: str, records: Sequence[CaseRecord]) -> str:
    rows = (
        [
            code(record.case),
            *map(figure, (bounds.ulp, bounds.limit_ulp, bounds.margin)),
            markdown(bounds.held or "" if bounds.outcome is Outcome.FAIL else ""),
        ]
        for record in records[:SHOWN]
        if (bounds := record.bounds)
    )
    if not records:
        return ""
    more = f"\nand {len(records) - SHOWN:,} more.\n" if len(records) > SHOWN else ""
    head = ["case", "ULP", "limit", "times the bound", "behaves like"]
    return f"{markdown(target)}, {title}: {len(records):,}\n\n{table(head, rows)}{more}"


def _operators(summary: Summary) -> str:
    """A line an operator, a cell a target: grade, effective bits, worst error and limit."""
    targets = [target for target in summary.targets if target.operators]
    names = sorted({name for t in targets for name in t.operators}, key=str.lower)
    if not names:
        return ""
    rows = (
        [markdown(name), *(_operator(target.operators.get(name)) for target in targets)]
        for name in names
    )
    legend = (
        "The lowest grade of any case; the fewest effective bits of a float32 case; the error "
        "nearest to its bound or beyond it, and that bound, in ULP; cases proved and sampled.\n"
    )
    head = ["operator", *(markdown(target.name) for target in targets)]
    return f"{legend}\n{table(head, rows, numbers_from=99)}"


def _operator(operator: OperatorSummary | None) -> str:
    if operator is None:
        return ""
    parts = [operator.grade or "not judged"]
    if operator.bits is not None:
        parts.append(f"{operator.bits:.1f} bits")
    if operator.ulp is not None:
        limit = "" if operator.limit is None else f" of {figure(operator.limit)}"
        parts.append(f"{figure(operator.ulp)}{limit} ULP")
    if operator.proved or operator.sampled:
        parts.append(f"{operator.proved:,} + {operator.sampled:,}")
    return ", ".join(parts)


def _known(target: TargetSummary) -> str:
    rows = (
        [
            markdown(group.cause),
            group.expected.value,
            f"{group.as_expected:,}",
            f"{group.unexpected:,}",
        ]
        for group in target.known
    )
    body = table(["cause", "expected", "as expected", "unexpected"], rows, numbers_from=2)
    return _section(f"Expectations of {markdown(target.name)}", body) if target.known else ""


def _matrix(
    summary: Summary, what: str, of: Callable[[TargetSummary], Mapping[str, Tally]]
) -> str:
    keys = sorted({key for target in summary.targets for key in of(target)}, key=str.lower)
    if not keys:
        return ""
    rows = (
        [markdown(key), *(_cell(of(target).get(key)) for target in summary.targets)]
        for key in keys
    )
    return table([what, *(markdown(target.name) for target in summary.targets)], rows)


def _cell(tally: Tally | None) -> str:
    if tally is None:
        return ""
    gaps = f", {tally[Outcome.GAP]:,} GAP" if tally[Outcome.GAP] else ""
    return f"{tally.share}{gaps}"


def _placement(summary: Summary) -> str:
    head = ["target", "on the device", "partly on the host", "unknown", "not reported"]
    rows = (
        [
            markdown(target.name),
            f"{target.placement.wholly:,}",
            f"{target.placement.partly:,}",
            f"{target.placement.unknown:,}",
            f"{target.placement.silent:,}",
            f"{target.placement.passes_unknown:,}",
        ]
        for target in summary.targets
    )
    return "Judged cases, by where their nodes ran.\n\n" + table(
        [*head, "passes nobody can place"], rows
    )


def _gaps(target: TargetSummary) -> str:
    rows = (
        [markdown(first_line(group.example)), f"{group.cases:,}", _some(group.ops)]
        for group in target.gaps[:SHOWN]
    )
    body = table(["reason given", "cases", "operators"], rows)
    if len(target.gaps) > SHOWN:
        body += f"\nand {len(target.gaps) - SHOWN:,} more reasons.\n"
    return _section(f"Gaps of {markdown(target.name)}", body) if target.gaps else ""


def _some(names: tuple[str, ...], limit: int = 8) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return markdown(", ".join(names[:limit])) + more


def _environment(summary: Summary) -> str:
    def lines() -> Iterator[str]:
        for name, value in facts(summary.header):
            yield f"* {markdown(name)}: {markdown(value)}\n"
        for target in summary.targets:
            about = "; ".join(f"{name} {value}" for name, value in target_facts(target.header))
            yield f"* {markdown(target.name)}: {markdown(about)}\n"
            told = "; ".join(f"{name} {value}" for name, value in fingerprint(target.header))
            if told:
                yield f"* fingerprint of {markdown(target.name)}: {markdown(told)}\n"

    return "".join(lines())

"""JUnit XML of a run: a test suite a target, green where everything is as expected.

Of the suites of many thousands of cases, what is as expected is one test case a version of an
operator, or a family of graphs; what is not stands by itself, up to SHOWN of a group.

FAIL is a failure; CRASH, HANG, OOM, ERROR, FLAKE and ELSEWHERE are errors; GAP, COMPILED,
UNJUDGED, SKIP and whatever an expectation foresaw are skipped, with the reason. A pass that
nobody expected is a failure. Valid XML 1.0 whatever the strings hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.names import SUITES, suite_of
from hal_conformance.report.repro import repro_line
from hal_conformance.report.summary import Summary, TargetSummary
from hal_conformance.report.text import xml

_SKIPPED = frozenset({Outcome.GAP, Outcome.COMPILED, Outcome.UNJUDGED, Outcome.SKIP})
_FAILURES = frozenset({Outcome.FAIL, Outcome.PASS, *_SKIPPED})


def render(summary: Summary) -> str:
    """The whole document."""
    suites = [_suite(target, summary) for target in summary.targets]
    counts = [sum(column) for column in zip(*(count for count, _ in suites), strict=True)]
    tests, failures, errors, skipped = counts or (0, 0, 0, 0)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="onnx-hal" tests="{tests}" failures="{failures}" '
        f'errors="{errors}" skipped="{skipped}">\n'
    )
    return head + "".join(body for _, body in suites) + "</testsuites>\n"


SHOWN = 20
"""Unexpected cases of a group that are shown one by one; one more says how many are left."""

_MESSAGE = 600
"""Characters of a reason that are kept."""


def _suite(target: TargetSummary, summary: Summary) -> tuple[tuple[int, int, int, int], str]:
    groups: dict[str, list[CaseRecord]] = {}
    lines: list[tuple[str | None, str]] = []
    for record in summary.records:
        if record.target != target.name:
            continue
        if suite_of(record.case) in SUITES:
            groups.setdefault(_group(record.case), []).append(record)
        else:
            tag = tag_of(record)
            lines.append((tag, _case(record, tag)))
    for name, records in groups.items():
        lines += _grouped(name, records)
    tags = Counter(tag for tag, _ in lines)
    counts = (len(lines), tags["failure"], tags["error"], tags["skipped"])
    head = (
        f' <testsuite name="{xml(target.name)}" tests="{counts[0]}" failures="{counts[1]}" '
        f'errors="{counts[2]}" skipped="{counts[3]}" time="{target.seconds:.3f}" '
        f'timestamp="{xml(summary.header.started)}">\n'
    )
    cases = "".join(line for _, line in lines)
    return counts, head + _properties(target, summary) + cases + " </testsuite>\n"


def _group(case: str) -> str:
    """ "ops/Conv/22", "graphs/fusion"."""
    words = case.split("/")
    return "/".join(words[:-2] if words[0] == "ops" else words[:2])


def _grouped(name: str, records: list[CaseRecord]) -> list[tuple[str | None, str]]:
    news = [record for record in records if record.is_news]
    lines = [(tag_of(record), _case(record, tag_of(record))) for record in news[:SHOWN]]
    left = len(news) - SHOWN
    if left > 0:
        told = f"{left} more unexpected cases; results.jsonl has them all"
        lines.append(("failure", _line(name, "more", 0.0, f'<failure message="{told}"/>')))
    known = [record for record in records if not record.is_news]
    if known:
        counts = Counter(record.outcome.value for record in known)
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        spent = sum(map(_seconds, known))
        if Outcome.PASS.value in counts:
            child, tag = f"<system-out>{told}</system-out>", None
        else:
            child, tag = f'<skipped message="{told}"/>', "skipped"
        lines.append((tag, _line(name, "expected", spent, child)))
    return lines


def tag_of(record: CaseRecord) -> str | None:
    """Which child the test case has: failure, error, skipped, or none for a pass."""
    if record.is_news:
        return "failure" if record.outcome in _FAILURES else "error"
    return None if record.outcome is Outcome.PASS else "skipped"


def _case(record: CaseRecord, tag: str | None) -> str:
    group, _, name = record.case.rpartition("/")
    child = ""
    if tag == "skipped":
        child = f'<skipped message="{xml(_why(record))}"/>'
    elif tag is not None:
        body = f"{(record.reason or '')[:_MESSAGE]}\n{repro_line(record)}".strip()
        child = (
            f'<{tag} type="{record.outcome.value}" message="{xml(_why(record))}">'
            f"{xml(body)}</{tag}>"
        )
    return _line(group or record.target, name, _seconds(record), child)


def _line(group: str, name: str, seconds: float, child: str) -> str:
    start = (
        f'  <testcase classname="{xml(group.replace("/", "."))}" '
        f'name="{xml(name)}" time="{seconds:.4f}"'
    )
    return f"{start}>{child}</testcase>\n" if child else f"{start}/>\n"


def _seconds(record: CaseRecord) -> float:
    return sum((a.compile_s or 0.0) + (a.run_s or 0.0) for a in record.attempts)


def _why(record: CaseRecord) -> str:
    words = record.outcome.value
    if record.is_news and record.expected:
        words = f"{words}, expected {record.expected.value}"
    if record.cause:
        words = f"{words} ({record.cause})"
    return f"{words}: {record.reason[:_MESSAGE]}" if record.reason else words


def _properties(target: TargetSummary, summary: Summary) -> str:
    lines = "".join(
        f'   <property name="{xml(name)}" value="{xml(value)}"/>\n'
        for name, value in _facts(target, summary)
    )
    return f"  <properties>\n{lines}  </properties>\n"


def _facts(target: TargetSummary, summary: Summary) -> Iterator[tuple[str, str]]:
    header, run = target.header, summary.header
    yield "verdict", target.verdict.line
    if target.profile:
        yield "profile", target.profile.line
    yield "adapter", header.adapter
    yield "adapter_version", header.adapter_version
    yield "device", str(header.identity.get("name") or header.device)
    yield "sdk", str(header.identity.get("sdk", ""))
    yield "driver", str(header.identity.get("driver", ""))
    yield "arithmetic", header.arithmetic or ""
    for name, value in sorted(header.fingerprint.items()):
        yield f"fingerprint.{name}", str(value)
    for suite, info in run.corpus.items():
        yield f"corpus.{suite}", info.hash
    for package, version in sorted(run.versions.items()):
        yield f"version.{package}", version

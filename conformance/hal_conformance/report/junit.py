"""JUnit XML of a run: a test suite a target, green where everything is as expected.

FAIL is a failure; CRASH, HANG, OOM, ERROR, FLAKE and ELSEWHERE are errors; GAP, COMPILED,
UNJUDGED, SKIP and whatever an expectation foresaw are skipped, with the reason. A pass that
nobody expected is a failure. Valid XML 1.0 whatever the strings hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report.summary import Summary, TargetSummary, repro_line
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


def _suite(target: TargetSummary, summary: Summary) -> tuple[tuple[int, int, int, int], str]:
    cases: list[str] = []
    tags = {"failure": 0, "error": 0, "skipped": 0}
    for record in summary.records:
        if record.target != target.name:
            continue
        tag = tag_of(record)
        if tag:
            tags[tag] += 1
        cases.append(_case(record, tag))
    counts = (len(cases), tags["failure"], tags["error"], tags["skipped"])
    head = (
        f' <testsuite name="{xml(target.name)}" tests="{counts[0]}" failures="{counts[1]}" '
        f'errors="{counts[2]}" skipped="{counts[3]}" time="{target.seconds:.3f}" '
        f'timestamp="{xml(summary.header.started)}">\n'
    )
    return counts, head + _properties(target, summary) + "".join(cases) + " </testsuite>\n"


def tag_of(record: CaseRecord) -> str | None:
    """Which child the test case has: failure, error, skipped, or none for a pass."""
    if record.is_news:
        return "failure" if record.outcome in _FAILURES else "error"
    return None if record.outcome is Outcome.PASS else "skipped"


def _case(record: CaseRecord, tag: str | None) -> str:
    group, _, name = record.case.rpartition("/")
    seconds = sum((a.compile_s or 0.0) + (a.run_s or 0.0) for a in record.attempts)
    start = (
        f'  <testcase classname="{xml(group.replace("/", ".") or record.target)}" '
        f'name="{xml(name)}" time="{seconds:.4f}"'
    )
    if tag is None:
        return start + "/>\n"
    if tag == "skipped":
        child = f'<skipped message="{xml(_why(record))}"/>'
    else:
        body = f"{record.reason or ''}\n{repro_line(record)}".strip()
        child = (
            f'<{tag} type="{record.outcome.value}" message="{xml(_why(record))}">'
            f"{xml(body)}</{tag}>"
        )
    return f"{start}>{child}</testcase>\n"


def _why(record: CaseRecord) -> str:
    words = record.outcome.value
    if record.is_news and record.expected:
        words = f"{words}, expected {record.expected.value}"
    if record.cause:
        words = f"{words} ({record.cause})"
    return f"{words}: {record.reason}" if record.reason else words


def _properties(target: TargetSummary, summary: Summary) -> str:
    lines = "".join(
        f'   <property name="{xml(name)}" value="{xml(value)}"/>\n'
        for name, value in _facts(target, summary)
    )
    return f"  <properties>\n{lines}  </properties>\n"


def _facts(target: TargetSummary, summary: Summary) -> Iterator[tuple[str, str]]:
    header, run = target.header, summary.header
    yield "verdict", target.verdict.line
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

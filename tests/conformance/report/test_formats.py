"""JUnit, Markdown and HTML of one run: valid, harmless and in agreement."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report import render, summarise, write_reports
from hal_conformance.report.junit import tag_of
from hal_conformance.results import Results, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]

LOADING = ("src", "href", "action", "data", "srcset", "poster")
TARGETS = ("acme:0", "acme:1", "acme:2")
EVIL = (
    "</script><script>document.title='broken'</script><!-- ]]> & | ` \"' \x00\x1b[31m\u202e"
    "<img src=http://evil.example/x onerror=alert(1)> [a](http://evil.example) \U0001f600"
)


class _Page(HTMLParser):
    """The text of a page's tables and the elements that could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: Counter[str] = Counter()
        self.links: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.links += [
            v or "" for name, v in attrs if name in ("src", "href", "action", "data")
        ]
        self.elements.update(f"on:{name}" for name, _ in attrs if name.startswith("on"))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def _markdown_rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_all_formats_give_the_same_numbers(make_results: Run) -> None:
    summary = summarise(make_results(targets=TARGETS, size=300, wrong=0.1))
    texts = render(summary)
    rows = _Page(texts["report.html"]).rows
    page = {row[0]: row for row in reversed(rows) if row and row[0] in TARGETS}
    outcomes = {row[0]: row for row in reversed(_markdown_rows(texts["report.md"]))}
    head = outcomes["target"]
    suites = {s.get("name"): s for s in ET.fromstring(texts["junit.xml"])}
    for target in summary.targets:
        share, total = target.tally.share, target.tally.total
        in_page, in_markdown = page[target.name], outcomes[target.name]
        assert in_page[1].startswith(share)
        assert in_markdown[head.index("passed")].startswith(share)
        counts = [str(target.tally[outcome]) for outcome in summary.outcomes()]
        assert in_page[3:] == [*counts, str(total)]
        assert in_markdown[1 : 1 + len(counts)] == counts
        suite = suites[target.name]
        assert suite.get("tests") == str(total)
        shown = {child.tag for case in suite.iter("testcase") for child in case}
        assert shown <= {"failure", "error", "skipped"}
        unexpected = int(suite.get("failures", "")) + int(suite.get("errors", ""))
        assert unexpected == target.tally.unexpected == int(in_page[2])
        assert total - unexpected - int(suite.get("skipped", "")) == target.tally.passed


def test_every_format_leads_with_the_same_verdict(make_results: Run) -> None:
    summary = summarise(make_results(targets=TARGETS, size=100))
    texts = render(summary)
    verdicts = {s.get("name"): s for s in ET.fromstring(texts["junit.xml"])}
    for target in summary.targets:
        stated = verdicts[target.name].find("properties/property[@name='verdict']")
        assert stated is not None
        assert stated.get("value") == target.verdict.line
        detail = target.verdict.detail
        assert detail in texts["report.md"].split("##")[0]
        assert detail[1:] in texts["report.html"].split('id="outcomes"')[0]


@pytest.mark.parametrize(
    ("outcome", "fields", "tag"),
    [
        (Outcome.PASS, {}, None),
        (Outcome.GAP, {}, "skipped"),
        (Outcome.SKIP, {}, "skipped"),
        (Outcome.FAIL, {"unexpected": True}, "failure"),
        (Outcome.CRASH, {"unexpected": True}, "error"),
        (Outcome.HANG, {"unexpected": True}, "error"),
        (Outcome.OOM, {"unexpected": True}, "error"),
        (Outcome.ERROR, {"unexpected": True}, "error"),
        (Outcome.FAIL, {"expected": Outcome.FAIL}, "skipped"),
        (Outcome.CRASH, {"expected": Outcome.FAIL, "unexpected": True}, "error"),
        (Outcome.PASS, {"expected": Outcome.FAIL, "unexpected": True}, "failure"),
        (Outcome.FAIL, {}, "failure"),
    ],
)
def test_junit_is_red_exactly_for_what_is_unexpected(
    make_record: Record, outcome: Outcome, fields: dict[str, object], tag: str | None
) -> None:
    assert tag_of(make_record(outcome=outcome, **fields)) == tag


def test_a_known_failure_is_skipped_with_its_cause(make_record: Record, make_run: Run) -> None:
    known = make_record(outcome=Outcome.FAIL, expected=Outcome.FAIL, cause="flushes to zero")
    skipped = ET.fromstring(render(summarise(make_run(known)))["junit.xml"]).find(".//skipped")
    assert skipped is not None
    assert "flushes to zero" in skipped.get("message", "")


def _hostile_run(make_record: Record, make_run: Run, text: str) -> Results:
    name = f"acme:{text}"
    fields = {"reason": text, "ops": [text], "dtypes": [text], "target": name}
    return make_run(
        make_record(f"onnx/node/{text}", Outcome.FAIL, unexpected=True, **fields),
        make_record(
            f"onnx/{text}/a", Outcome.FAIL, expected=Outcome.FAIL, cause=text, **fields
        ),
        make_record(f"onnx/node/b{text}", Outcome.GAP, **fields),
        command=["hal", "conform", text],
        machine={text: text},
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.text(max_size=30))
def test_no_text_makes_the_xml_invalid(make_record: Record, make_run: Run, text: str) -> None:
    texts = render(summarise(_hostile_run(make_record, make_run, text)))
    suite = ET.fromstring(texts["junit.xml"])[0]
    assert len(suite.findall("testcase")) == 3


@pytest.mark.parametrize("text", [EVIL, "{{ 7 * 7 }}{% raw %}", "</style>", "a\nb\r\nc\td"])
def test_no_text_becomes_an_element_of_the_page(
    make_record: Record, make_run: Run, text: str
) -> None:
    plain = render(summarise(_hostile_run(make_record, make_run, "x")))["report.html"]
    evil = render(summarise(_hostile_run(make_record, make_run, text)))["report.html"]
    assert _Page(evil).elements == _Page(plain).elements
    assert "\x00" not in evil
    assert "\u202e" not in evil


def test_the_page_loads_nothing(make_results: Run) -> None:
    page = _Page(render(summarise(make_results(targets=TARGETS, size=80)))["report.html"])
    assert all(link.startswith("#") for link in page.links)
    assert not {"link", "img", "iframe", "object", "embed"} & set(page.elements)
    assert page.elements["script"] == 2


def test_the_page_permits_its_own_script_only(make_results: Run) -> None:
    text = render(summarise(make_results(size=5)))["report.html"]
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert "default-src 'none'" in policy.group(1)
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+'$", policy.group(1))


def test_failures_stand_in_the_page_without_scripts(make_results: Run) -> None:
    summary = summarise(make_results(targets=TARGETS, size=200, wrong=0.2))
    text = render(summary)["report.html"].split('<script type="application/octet-stream"')[0]
    for target in summary.targets:
        assert all(failure.record.case in text for failure in target.failures)


def test_nothing_judged_is_said_in_words(make_record: Record, make_run: Run) -> None:
    texts = render(summarise(make_run(make_record(outcome=Outcome.GAP))))
    assert "nothing judged" in texts["report.html"]
    assert "nothing judged" in texts["report.md"]
    assert "100%" not in re.sub(r"<style>.*?</style>", "", texts["report.html"], flags=re.S)


def test_a_run_without_records_can_be_rendered(make_run: Run) -> None:
    texts = render(summarise(make_run()))
    assert "no verdict" in texts["report.md"].lower()


def test_headings_do_not_skip_a_level(make_results: Run) -> None:
    text = render(summarise(make_results(targets=TARGETS, size=100, wrong=0.1)))["report.html"]
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_damaged_results_say_so_in_the_report(make_results: Run, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=10))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    write_reports(tmp_path)
    assert "torn" in (tmp_path / "report.md").read_text()
    assert "torn" in (tmp_path / "report.html").read_text()


def test_four_targets_of_the_standard_suite_are_reported_in_a_second(
    make_results: Run, tmp_path: Path
) -> None:
    write(tmp_path, make_results(targets=(*TARGETS, "acme:3"), size=2033, wrong=0.06))
    write_reports(tmp_path)  # the first pays for importing and compiling the template
    start = time.process_time()
    paths = write_reports(tmp_path)
    assert time.process_time() - start <= 1.0
    assert sorted(path.name for path in paths) == [
        "findings.json",
        "junit.xml",
        "report.html",
        "report.md",
    ]
    assert (tmp_path / "report.html").stat().st_size < 2_000_000


def test_twenty_thousand_generated_cases_are_kept_and_reported_in_seconds(
    make_record: Record, make_run: Run, tmp_path: Path
) -> None:
    said = {"arithmetic": "fp32", "tier": "sound", "outcome": "PASS", "grade": "A"}
    measured = {
        "held": "fp32",
        "bits": 24.123456,
        "margin": 0.123456,
        "ulp": 1.0,
        "limit_ulp": 8.1,
    }
    plain = make_record(
        bounds=said | measured,
        placement={"device": 1, "evidence": "assigned"},
        outputs=[{"name": "y", "dtype": "float32", "shape": [3, 4], "margin": 0.123456}],
        attempts=[{"outcome": "PASS", "compile_s": 0.01, "run_s": 0.0004, "worker": "w1.3"}],
        judged_by=["sound fp32"],
    )
    types = ("float32", "float16", "int8", "bfloat16")
    run = make_run(
        *(
            plain.model_copy(
                update={"case": f"ops/Op{n // 100}/{n % 5}/{types[n % 4]}/form{n}"}
            )
            for n in range(20_000)
        ),
        suites=["ops"],
    )
    write(tmp_path, run)
    assert (tmp_path / "results.jsonl").stat().st_size < 20_000 * 500
    start = time.process_time()
    write_reports(tmp_path)
    assert time.process_time() - start <= 5.0
    assert (tmp_path / "report.html").stat().st_size < 1_000_000
    assert (tmp_path / "report.md").stat().st_size < 100_000
    assert (tmp_path / "junit.xml").stat().st_size < 500_000


def test_jinja2_is_loaded_by_rendering_only() -> None:
    told = "import sys, hal_conformance.report.comparison; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"

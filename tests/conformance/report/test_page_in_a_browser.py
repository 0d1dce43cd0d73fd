"""The page in headless Chromium: filters, links, phone width, without scripts, under attack."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.records import CaseRecord, Outcome
from hal_conformance.report import render, summarise
from hal_conformance.results import Results

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def _dump(page: Path, *options: str) -> str:
    """The DOM of a page once its scripts have run."""
    assert CHROMIUM
    command = [CHROMIUM, "--headless", "--disable-gpu", "--dump-dom", "--no-first-run"]
    if os.geteuid() == 0:
        command.append("--no-sandbox")  # Chromium refuses to run as root with it
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [*command, profile, "--virtual-time-budget=8000", *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def _acted(text: str, folder: Path, steps: Sequence[str], *options: str) -> list[Any]:
    """The values of JavaScript expressions evaluated one after the other in the page.

    Our own policy forbids a script from outside, so it is taken out of the copy under test.
    """
    body = ",".join(f"async () => ({step})" for step in steps)
    driver = (
        "<script>addEventListener('load', async () => { const out = [];"
        "const wait = () => new Promise((done) => setTimeout(done, 150));"
        "const $ = (id) => document.getElementById(id);"
        "const set = (id, value) => { $(id).value = value;"
        "  $(id).dispatchEvent(new Event('input', {bubbles: true}));"
        "  $(id).dispatchEvent(new Event('change', {bubbles: true})); };"
        "while ($('filters').hidden) await wait();"
        f"for (const step of [{body}]) {{ try {{ const got = await step(); await wait();"
        "  out.push(typeof got === 'function' ? got() : got); }"
        "  catch (error) { out.push(String(error)); } }"
        "const pre = document.createElement('pre'); pre.id = 'driver-out';"
        "pre.textContent = JSON.stringify(out); document.body.append(pre); });</script>"
    )
    page = folder / "page.html"
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page.write_text(free.replace("</body>", driver + "</body>"), encoding="utf-8")
    found = re.search(r'<pre id="driver-out">(.*?)</pre>', _dump(page, *options), re.S)
    assert found
    values: list[Any] = json.loads(html.unescape(found.group(1)))
    return values


COUNT = "() => $('count').textContent"


def test_filters_search_and_links_show_the_rows_they_promise(
    make_results: Run, tmp_path: Path
) -> None:
    results = make_results(targets=("acme:0", "acme:1"), size=2033, wrong=0.06)
    summary = summarise(results)
    second = summary.targets[1]
    fails = second.tally[Outcome.FAIL]
    conv = sum("conv" in r.case.lower() for r in results.records)
    gather = sum("Gather" in r.ops for r in results.records)
    link = 'a[data-target="acme:1"][data-outcome=FAIL]'
    news = sum(target.tally.unexpected for target in summary.targets)
    values = _acted(
        render(summary)["report.html"],
        tmp_path,
        [
            COUNT,
            f"set('f-text', 'CONV test'), {COUNT}",
            f"set('f-text', ''), set('f-op', [...$('f-op').options].find("
            f"(o) => o.text === 'Gather').value), {COUNT}",
            f"$('filters').reset(), {COUNT}",
            f"$('f-news').click(), {COUNT}",
            f"document.querySelector('{link}').click(), {COUNT}",
            "() => document.querySelectorAll('#rows > li').length",
            "document.querySelector('#rows summary').click(), "
            "() => document.querySelector('#rows .repro').textContent",
            f"set('f-text', 'no such case'), {COUNT}",
            "() => $('rows').hidden && $('more').hidden",
            "() => $('count').getAttribute('aria-live')",
        ],
    )
    assert values[0] == "4,066 results"
    assert values[1] == f"{conv:,} of 4,066 results"
    assert values[2] == f"{gather:,} of 4,066 results"
    assert values[3] == "4,066 results"
    assert values[4] == f"{news:,} of 4,066 results"
    assert values[5] == f"{fails:,} of 4,066 results"
    assert 0 < values[6] <= fails
    assert re.fullmatch(r"hal repro onnx/\S+ -d acme:1", values[7])
    assert values[8:] == ["0 of 4,066 results", True, "polite"]


def test_the_table_of_operators_by_type_counts_cases_and_leads_to_them(
    make_record: Record, make_run: Run, tmp_path: Path
) -> None:
    said = {"arithmetic": "fp32", "tier": "sound", "outcome": "PASS", "margin": 0.2}
    good, fair = ({**said, "grade": grade} for grade in "AB")
    wrong = {**said, "outcome": "FAIL", "margin": 9.0}
    run = make_run(
        make_record("ops/Exp/13/float32/a", bounds=good),
        make_record("ops/Exp/13/float32/b", bounds=fair),
        make_record("ops/Exp/13/float16/a", Outcome.GAP),
        make_record("ops/Exp/6/float32/a", Outcome.FAIL, bounds=wrong),
        make_record("ops/Add/14/int8/a", Outcome.UNJUDGED),
        make_record("ops/Add/14/int8/b", bounds=good),
    )
    cells = "[...document.querySelectorAll('#m-table tr')].map("
    cells += "(row) => [...row.children].map((cell) => cell.textContent).join(' ').trim())"
    values = _acted(
        render(summarise(run))["report.html"],
        tmp_path,
        [
            cells,
            f"set('m-version', 'all'), () => {cells}",
            f"set('m-show', 'wrong'), () => {cells}",
            "document.querySelector('#m-table .bad a').click(), () => $('count').textContent",
            "() => [...document.querySelectorAll('#rows .id')].map((id) => id.textContent)",
        ],
    )
    assert values[0] == ["float32 float16 int8", "Add   A°", "Exp B gap"]
    assert values[1][2] == "Exp 1/3 gap"
    assert values[2] == ["float32 float16", "Exp 1/3 gap"]
    assert values[3] == "3 of 6 results"
    assert len(values[4]) == 3
    assert all(re.fullmatch(r"ops/Exp/\d+/float32/\w", case) for case in values[4])


def test_searching_eight_thousand_rows_takes_less_than_a_blink(
    make_results: Run, tmp_path: Path
) -> None:
    results = make_results(targets=("a:0", "b:0", "c:0", "d:0"), size=2033, wrong=0.06)
    (milliseconds,) = _acted(
        render(summarise(results))["report.html"],
        tmp_path,
        [
            "(() => { const start = performance.now();"
            " for (const text of ['gather', 'no', '1']) {"
            " $('f-text').value = text; $('filters').requestSubmit(); }"
            " return (performance.now() - start) / 3; })()"
        ],
    )
    assert milliseconds < 400


def test_the_page_is_not_wider_than_a_phone_or_a_desktop(
    make_results: Run, tmp_path: Path
) -> None:
    results = make_results(targets=("acme:0", "a-target-with-a-rather-long-name"), wrong=0.2)
    phone, desktop = _acted(
        render(summarise(results))["report.html"],
        tmp_path,
        [_framed(375, "page.scrollWidth"), _framed(1280, "page.scrollWidth")],
    )
    assert phone <= 375
    assert desktop <= 1280


def _framed(width: int, expression: str, hidden: Sequence[str] = ()) -> str:
    """The value of an expression over `page`: this page in a frame that runs no scripts.

    `hidden` are ids of what the page's script has shown, to be as the file has them.
    """
    return (
        "await (async () => { const frame = document.createElement('iframe');"
        f" frame.style = 'width: {width}px; height: 800px; border: 0';"
        " frame.sandbox = 'allow-same-origin'; const done = new Promise((done) => {"
        " frame.onload = done; });"
        " const copy = document.documentElement.cloneNode(true);"
        f" for (const id of {list(hidden)}) copy.querySelector(`#${{id}}`).hidden = true;"
        " frame.srcdoc = copy.outerHTML; document.body.append(frame); await done;"
        " const page = frame.contentDocument.documentElement;"
        " for (const fold of page.querySelectorAll('details')) fold.open = true;"
        f" return {expression}; }})()"
    )


def test_its_own_policy_lets_the_pages_script_run(make_results: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(summarise(make_results(size=30)))["report.html"], encoding="utf-8")
    assert re.search(r'<p class="count"[^>]*>30 results</p>', _dump(page))


def test_hostile_text_runs_nothing(make_record: Record, make_run: Run, tmp_path: Path) -> None:
    act = "document.title='broken'"
    evil = f'</script><script>{act}</script><img src=x onerror="{act}">'
    record = make_record(
        f"onnx/node/{evil}", Outcome.FAIL, reason=evil, ops=[evil], target=f"acme:{evil}"
    )
    text = render(summarise(make_run(record, machine={evil: evil})))["report.html"]
    values = _acted(
        text,
        tmp_path,
        [
            "document.querySelector('#rows summary').click(), () => document.title",
            "document.querySelectorAll('img').length",
            "() => document.querySelector('#rows .id').textContent",
        ],
    )
    assert values[0].startswith("ONNX conformance")
    assert values[1:] == [0, f"onnx/node/{evil}"]


def test_without_scripts_the_summary_and_the_failures_are_there(
    make_results: Run, tmp_path: Path
) -> None:
    summary = summarise(make_results(size=100, wrong=0.2))
    text = render(summary)["report.html"]
    body = _framed(1280, "page.querySelector('body').innerText", ("filters", "rows", "more"))
    (shown,) = _acted(text, tmp_path, [body])
    assert summary.targets[0].verdict.detail[1:] in shown
    assert all(failure.record.case in shown for failure in summary.targets[0].failures)
    assert "Searching needs JavaScript" in shown
    assert "Clear filters" not in shown

"""Runs side by side: what changed, in which direction, and what may explain it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hal_conformance.records import CaseRecord, Outcome, TargetHeader
from hal_conformance.report.compare import Change, compare, direction
from hal_conformance.report.comparison import render_html, render_markdown, report
from hal_conformance.results import Results, write

from hal.errors import InputError

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]
Target = Callable[..., TargetHeader]


@pytest.mark.parametrize(
    ("outcomes", "change"),
    [
        ((Outcome.PASS, Outcome.FAIL), Change.WORSE),
        ((Outcome.PASS, Outcome.GAP), Change.WORSE),
        ((Outcome.GAP, Outcome.FAIL), Change.WORSE),
        ((Outcome.FAIL, Outcome.CRASH), Change.WORSE),
        ((Outcome.FAIL, Outcome.GAP), Change.BETTER),
        ((Outcome.CRASH, Outcome.PASS), Change.BETTER),
        ((Outcome.FAIL, Outcome.ERROR), Change.OTHER),
        ((Outcome.PASS, Outcome.FAIL, Outcome.PASS), Change.OTHER),
        ((None, Outcome.FAIL), Change.NEW),
        ((Outcome.PASS, None), Change.GONE),
    ],
)
def test_changes_are_judged_from_the_first_to_the_last(
    outcomes: tuple[Outcome | None, ...], change: Change
) -> None:
    assert direction(outcomes) is change


def _pair(make_record: Record, make_run: Run) -> list[Results]:
    before = make_run(
        make_record("onnx/node/a"),
        make_record("onnx/node/b", Outcome.FAIL),
        make_record("onnx/node/c"),
        make_record("onnx/node/gone"),
    )
    after = make_run(
        make_record("onnx/node/a", Outcome.CRASH, reason="signal 11"),
        make_record("onnx/node/b"),
        make_record("onnx/node/c"),
        make_record("onnx/node/new"),
    )
    return [replace(before, label="before"), replace(after, label="after")]


def test_each_changed_case_is_listed_once_with_its_direction(
    make_record: Record, make_run: Run
) -> None:
    (group,) = compare(_pair(make_record, make_run)).groups
    assert [(item.case[10:], item.change) for item in group.changes] == [
        ("a", Change.WORSE),
        ("b", Change.BETTER),
        ("new", Change.NEW),
        ("gone", Change.GONE),
    ]
    assert group.same == 1
    assert group.changes[0].repro == "hal repro onnx/node/a -d acme:0"


def test_the_same_run_twice_has_no_changes(make_results: Run) -> None:
    run = make_results(targets=("a:0", "b:0"))
    found = compare([run, run])
    assert [(group.title, group.changes, group.differences) for group in found.groups] == [
        ("a:0", (), ()),
        ("b:0", (), ()),
    ]
    assert found.runs == ("synthetic (1)", "synthetic (2)")


def test_versions_drivers_and_fingerprints_that_differ_are_called_out(
    make_record: Record, make_run: Run, make_target: Target
) -> None:
    first = make_run(make_record())
    changed = make_target(
        "acme:0",
        identity={"name": "AMD EPYC 9R14", "sdk": "2027.0", "driver": "32.1"},
        fingerprint={"cpu_flags": "avx2", "threads": 2},
    )
    versions = {**first.header.versions, "openvino": "2027.0"}
    second = make_run(make_record(), targets=[changed], versions=versions)
    (group,) = compare([first, second]).groups
    found = {row.what: row.values for row in group.differences}
    assert found["sdk"] == ("2026.4.1", "2027.0")
    assert found["driver"] == ("–", "32.1")
    told = {row.what: row.values for row in group.fingerprint}
    assert told == {"cpu_flags": ("avx512f avx512_bf16", "avx2")}
    assert found["version of openvino"] == ("–", "2027.0")
    assert "threads" not in found


def test_two_devices_without_a_shared_name_are_compared_as_they_are(
    make_results: Run,
) -> None:
    found = compare([make_results(targets=("a:0",)), make_results(targets=("b:0",), seed=9)])
    (group,) = found.groups
    assert [column.target.target for column in group.columns] == ["a:0", "b:0"]


def test_a_target_of_one_run_only_is_named(make_results: Run) -> None:
    found = compare([make_results(targets=("a:0", "b:0")), make_results(targets=("a:0",))])
    assert found.alone == ("synthetic (1): b:0",)


def test_both_formats_list_every_change(make_record: Record, make_run: Run) -> None:
    found = compare(_pair(make_record, make_run))
    for text in (render_html(found), render_markdown(found)):
        assert "1 worse" in text
        assert "1 better" in text
        assert all(f"onnx/node/{case}" in text for case in ("a", "b", "new", "gone"))
        assert "onnx/node/c<" not in text
        assert "signal 11" in text


def test_no_text_becomes_an_element_of_the_comparison(
    make_record: Record, make_run: Run
) -> None:
    evil = "<script>alert(1)</script>\x00"
    runs = [
        make_run(make_record(evil, reason=evil), machine={evil: "1"}),
        make_run(make_record(evil, Outcome.FAIL, reason=evil), machine={evil: "2"}),
    ]
    text = render_html(compare(runs))
    assert text.count("<script") == 1
    assert "\x00" not in text


def test_one_run_alone_cannot_be_compared(make_results: Run) -> None:
    with pytest.raises(InputError, match="two results folders"):
        compare([make_results()])


def test_one_folder_is_rendered_where_it_is(make_results: Run, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=20))
    names = {path.name for path in report([tmp_path])}
    assert names == {"junit.xml", "report.md", "report.html", "findings.json"}


def test_two_folders_are_laid_side_by_side(make_results: Run, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path / name, make_results(size=50, wrong=0.2, seed=seed))
    paths = report([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert [path.name for path in paths] == ["comparison.html", "comparison.md"]
    assert all(path.stat().st_size for path in paths)


def test_shards_are_merged_and_rendered(
    make_record: Record, make_run: Run, tmp_path: Path
) -> None:
    for number in (1, 2):
        shard = make_run(make_record(f"onnx/node/{number}"), selection={"shard": f"{number}/2"})
        write(tmp_path / str(number), shard)
    folders = [tmp_path / "1", tmp_path / "2"]
    with pytest.raises(InputError, match="say with -o where"):
        report(folders)
    names = [path.name for path in report(folders, tmp_path / "all")]
    assert names == ["run.json", "junit.xml", "report.md", "report.html", "findings.json"]

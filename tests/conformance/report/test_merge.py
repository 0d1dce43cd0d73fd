"""Merging folders: shards of one run, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hal_conformance.merge import merge, merge_folders
from hal_conformance.records import Attempt, CaseRecord, CorpusInfo, Outcome, TargetHeader
from hal_conformance.report import summarise
from hal_conformance.report.verdict import Conformance
from hal_conformance.results import Results, is_whole, read, write

from hal.errors import InputError

Record = Callable[..., CaseRecord]
Run = Callable[..., Results]
Target = Callable[..., TargetHeader]


def _shards(run: Results, count: int = 3) -> list[Results]:
    return [
        replace(
            run,
            header=run.header.model_copy(
                update={
                    "selection": {"k": None, "shard": f"{number}/{count}"},
                    "cases": len(run.records[number - 1 :: count]),
                }
            ),
            records=run.records[number - 1 :: count],
            index=run.index[number - 1 :: count],
            label=f"shard{number}",
        )
        for number in range(1, count + 1)
    ]


def test_all_shards_make_the_whole_run(make_results: Run) -> None:
    run = make_results(targets=("a:0", "b:0"), size=50, wrong=0.0)
    merged = merge(_shards(run))
    assert sorted(merged.records, key=repr) == sorted(run.records, key=repr)
    assert sorted(merged.index, key=repr) == sorted(run.index, key=repr)
    assert merged.header.cases == 100
    assert is_whole(merged.header)
    assert [part.selection["shard"] for part in merged.header.parts] == ["1/3", "2/3", "3/3"]
    assert summarise(merged).targets[0].verdict.conformance is Conformance.YES


def test_a_missing_shard_leaves_a_part(make_results: Run) -> None:
    merged = merge(_shards(make_results(size=30))[:2])
    assert merged.header.selection["shard"] == "1/3, 2/3"
    assert not is_whole(merged.header)


def test_merged_shards_are_written_and_can_be_merged_on(
    make_results: Run, tmp_path: Path
) -> None:
    one, two, three = _shards(make_results(size=30))
    for shard in (one, two, three):
        write(tmp_path / shard.label, shard)
    merge_folders([tmp_path / "shard1", tmp_path / "shard2"], tmp_path / "some")
    merge_folders([tmp_path / "some", tmp_path / "shard3"], tmp_path / "all")
    found = read(tmp_path / "all")
    assert len(found.records) == 30
    assert len(found.header.parts) == 3


def test_results_are_not_overwritten(make_results: Run, tmp_path: Path) -> None:
    run = make_results(size=5)
    write(tmp_path / "a", run)
    with pytest.raises(InputError, match="already holds results"):
        merge_folders([tmp_path / "a"], tmp_path / "a")


def test_runs_of_two_targets_stand_beside_each_other(make_results: Run) -> None:
    merged = merge([make_results(targets=("a:0",)), make_results(targets=("b:0",))])
    assert [target.target for target in merged.header.targets] == ["a:0", "b:0"]
    assert len(merged.records) == 400


def test_the_same_record_twice_is_one_record(make_record: Record, make_run: Run) -> None:
    first = make_run(make_record(attempts=[Attempt(outcome=Outcome.PASS, run_s=0.1)]))
    second = make_run(make_record(attempts=[Attempt(outcome=Outcome.PASS, run_s=0.2)]))
    assert merge([first, second]).records == first.records


def test_two_final_records_of_one_case_are_refused(make_record: Record, make_run: Run) -> None:
    runs = [make_run(make_record()), make_run(make_record(outcome=Outcome.FAIL))]
    with pytest.raises(InputError, match=r"two different final records: PASS .* FAIL .*again"):
        merge(runs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"identity": {"name": "other"}}, "identity"),
        ({"identity": {"name": "AMD EPYC 9R14", "sdk": "2027.0"}}, "identity"),
        ({"options": {"allow_fallback": True}}, "allow_fallback"),
        ({"arithmetic": "bf16"}, "arithmetic"),
        ({"adapter_version": "9"}, "adapter_version"),
    ],
)
def test_another_device_under_the_same_name_is_refused(
    make_record: Record,
    make_run: Run,
    make_target: Target,
    change: dict[str, object],
    said: str,
) -> None:
    first = make_run(make_record())
    other = make_run(make_record(), targets=[make_target("acme:0", **change)])
    with pytest.raises(InputError, match=rf"not the same device in .*{said}.*side by side"):
        merge([first, other])


def test_another_corpus_is_refused(make_record: Record, make_run: Run) -> None:
    corpus = {"onnx": CorpusInfo(hash="b3:other", cases=1, onnx="1.23.2")}
    with pytest.raises(InputError, match="different corpora of suite 'onnx'"):
        merge([make_run(make_record()), make_run(make_record(), corpus=corpus)])


def test_another_judge_is_refused(make_record: Record, make_run: Run) -> None:
    versions = {"onnx-hal": "0.2.0", "onnx": "1.23.2"}
    with pytest.raises(InputError, match=r"judged by onnx-hal 0\.1\.0, .* by 0\.2\.0"):
        merge([make_run(make_record()), make_run(make_record(), versions=versions)])


def test_facts_that_may_differ_are_all_kept(make_record: Record, make_run: Run) -> None:
    first = make_run(make_record(), machine={"node": "one"})
    second = make_run(make_record("onnx/node/b"), machine={"node": "two"})
    assert merge([first, second]).header.machine == {"node": "one | two"}

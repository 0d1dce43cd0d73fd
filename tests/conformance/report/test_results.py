"""Reading and writing results folders."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_conformance.records import CaseRecord
from hal_conformance.results import Results, is_whole, read, to_line, write

from hal.errors import InputError

Make = Callable[..., Results]


def test_what_was_written_is_read_again(make_results: Make, tmp_path: Path) -> None:
    made = make_results(size=60)
    write(tmp_path / "run", made)
    found = read(tmp_path / "run")
    assert (found.header, found.index) == (made.header, made.index)
    assert found.records == tuple(sorted(made.records, key=lambda record: record.case))
    assert found.problems == ()
    assert found.label == "run"


def test_infinite_margins_survive(
    make_record: Callable[..., CaseRecord], make_run: Make, tmp_path: Path
) -> None:
    record = make_record(outputs=[{"name": "y", "margin": float("inf"), "ok": False}])
    write(tmp_path, make_run(record))
    assert read(tmp_path).records[0].outputs[0].margin == float("inf")


def test_a_torn_last_line_is_left_out_and_reported(make_results: Make, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=10))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-25])
    found = read(tmp_path)
    assert len(found.records) == 9
    assert any("torn" in problem for problem in found.problems)


def test_a_last_line_that_only_lacks_its_newline_is_kept(
    make_results: Make, tmp_path: Path
) -> None:
    write(tmp_path, make_results(size=10))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    found = read(tmp_path)
    assert len(found.records) == 10
    assert found.problems == ()


def test_damage_in_the_middle_is_an_error_with_its_line(
    make_results: Make, tmp_path: Path
) -> None:
    write(tmp_path, make_results(size=5))
    path = tmp_path / "results.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2][:-9]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"results\.jsonl:3 is not JSON"):
        read(tmp_path)


def test_an_unknown_field_is_an_error_with_its_line(make_results: Make, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=5))
    path = tmp_path / "results.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1][:-1] + b',"colour":"red"}'
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"results\.jsonl:2: colour"):
        read(tmp_path)


def test_two_records_on_one_line_are_an_error(make_results: Make, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=3))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes().replace(b"\n", b",", 1))
    with pytest.raises(InputError, match=r"results\.jsonl:1 is not JSON"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "results.jsonl"])
def test_another_schema_says_which_is_read_here(
    make_results: Make, tmp_path: Path, name: str
) -> None:
    write(tmp_path, make_results(size=5))
    path = tmp_path / name
    path.write_text(re.sub(r'"schema": ?1', '"schema":2', path.read_text()))
    with pytest.raises(InputError, match=r"results schema 2, and this version .* reads 1"):
        read(tmp_path)


def test_a_folder_without_results_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hal conform -o DIR"):
        read(tmp_path)


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("")
    with pytest.raises(InputError, match=r"has not ended.*--resume"):
        read(tmp_path)


def test_missing_files_are_reported(make_results: Make, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=5))
    (tmp_path / "index.jsonl").unlink()
    assert read(tmp_path).problems == ("index.jsonl is missing",)


def test_a_case_recorded_twice_is_reported_and_the_later_record_stands(
    make_results: Make, tmp_path: Path
) -> None:
    made = make_results(size=5)
    write(tmp_path, made)
    again = made.records[0].model_copy(update={"reason": "again"})
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(to_line(again))
    found = read(tmp_path)
    assert len(found.records) == 5
    assert found.records[0].reason == "again"
    assert "1 record(s)" in found.problems[0]


def test_a_shuffled_run_is_whole_and_a_filtered_one_is_not(make_results: Make) -> None:
    header = make_results(size=5).header
    shuffled = header.model_copy(update={"selection": {"k": None, "shuffle": 3}})
    filtered = header.model_copy(update={"selection": {"k": "*conv*"}})
    assert is_whole(shuffled)
    assert not is_whole(filtered)


def test_four_targets_of_the_standard_suite_are_read_in_a_second(
    make_results: Make, tmp_path: Path
) -> None:
    write(tmp_path, make_results(targets=("a:0", "b:0", "c:0", "d:0"), size=2033))
    start = time.process_time()
    found = read(tmp_path)
    assert len(found.records) == 4 * 2033
    assert time.process_time() - start < 1.0


def test_packed_results_read_like_plain_ones(make_results: Make, tmp_path: Path) -> None:
    made = make_results(size=10)
    write(tmp_path, made)
    for path in (tmp_path / "results.jsonl", tmp_path / "index.jsonl"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    found = read(tmp_path)
    ordered = tuple(sorted(made.records, key=lambda record: record.case))
    assert (found.records, found.index, found.problems) == (ordered, made.index, ())


def test_damaged_packed_results_are_named(make_results: Make, tmp_path: Path) -> None:
    write(tmp_path, make_results(size=10))
    path = tmp_path / "results.jsonl"
    path.with_name("results.jsonl.gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    path.unlink()
    with pytest.raises(InputError, match=r"results\.jsonl\.gz cannot be unpacked"):
        read(tmp_path)

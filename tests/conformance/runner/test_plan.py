"""Selection and order of a run's items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.runner import plan
from hal_conformance.runner.plan import Item, Selection, Shard

from hal.errors import InputError

CASES = {
    "onnx": [f"onnx/node/test_{name}" for name in ("conv", "abs", "conv_pads", "add")],
    "api": ["api/lifecycle/close_twice"],
}
TARGETS = ["b:0", "a:0"]


def select(**choice: Any) -> list[Item]:
    suites = choice.pop("suites", ("onnx", "api"))
    return plan.items(TARGETS, CASES, Selection(suites, **choice))


def ids(items: list[Item], target: str = "a:0") -> list[str]:
    return [item.case for item in items if item.target == target]


def test_every_case_runs_on_every_target_in_the_order_of_the_command() -> None:
    chosen = select()
    assert [item.target for item in chosen] == ["b:0"] * 5 + ["a:0"] * 5
    assert ids(chosen) == [*CASES["onnx"], *CASES["api"]]


def test_only_the_named_suites_run() -> None:
    assert {item.suite for item in select(suites=("api",))} == {"api"}


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("*conv*", 2),
        ("conv", 2),
        ("onnx/node/test_conv", 2),
        ("*/test_a??", 2),
        ("test_a??", 2),
        ("node/*_conv", 1),
    ],
)
def test_a_pattern_is_a_glob_of_the_ids_end_or_a_part_of_it(pattern: str, count: int) -> None:
    assert len(ids(select(patterns=(pattern,)))) == count


def test_of_several_patterns_any_may_match() -> None:
    both = ids(select(patterns=("conv", "test_a??")))
    assert set(both) == {*ids(select(patterns=("conv",))), *ids(select(patterns=("test_a??",)))}
    assert len(both) == 4


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"'sofmax' matches none of 5 cases"):
        select(patterns=("sofmax",))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_make_up_the_whole_and_never_overlap(count: int) -> None:
    shards = [select(shard=Shard(n, count)) for n in range(1, count + 1)]
    together = [item for shard in shards for item in shard]
    assert len(together) == len(set(together))
    assert set(together) == set(select())


def test_a_case_is_in_the_same_shard_for_every_target() -> None:
    chosen = select(shard=Shard(1, 2))
    assert ids(chosen, "a:0") == ids(chosen, "b:0")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/x", "", "-1/2", "1/0"])
def test_a_shard_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--shard"):
        Shard.parse(text)


def test_a_shard_reads_as_it_is_written() -> None:
    assert Shard.parse("2/5") == Shard(2, 5)
    assert str(Shard(2, 5)) == "2/5"


def test_a_seed_gives_one_order_of_the_same_cases() -> None:
    chosen = select(shuffle=7)
    assert chosen == select(shuffle=7)
    assert chosen != select(shuffle=8)
    assert set(chosen) == set(select())
    assert [item.target for item in chosen] == ["b:0"] * 5 + ["a:0"] * 5


def results(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "results.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_what_failed_before_is_run_again_on_the_target_where_it_failed(tmp_path: Path) -> None:
    abs_, conv, add = CASES["onnx"][1], CASES["onnx"][0], CASES["onnx"][3]
    before = results(
        tmp_path / "before",
        [
            {"case": abs_, "target": "a:0", "outcome": "CRASH"},
            {"case": conv, "target": "a:0", "outcome": "PASS"},
            {"case": conv, "target": "b:0", "outcome": "PASS", "unexpected": True},
            {"case": add, "target": "b:0", "outcome": "GAP"},
        ],
    )
    chosen = select(failed_from=before)
    assert [(item.target, item.case) for item in chosen] == [("b:0", conv), ("a:0", abs_)]


def test_results_of_another_target_are_refused(tmp_path: Path) -> None:
    before = results(tmp_path / "x", [{"case": "c", "target": "a:0", "outcome": "FAIL"}])
    with pytest.raises(InputError, match="no results of b:0"):
        select(failed_from=before)


def test_only_a_run_of_everything_is_whole() -> None:
    assert Selection(("onnx",), shuffle=3).is_whole
    assert not Selection(("onnx",), patterns=("x",)).is_whole
    assert not Selection(("onnx",), shard=Shard(1, 2)).is_whole
    assert not Selection(("onnx",), failed_from=Path("x")).is_whole


def test_a_sample_is_the_same_for_every_target_and_every_order_of_cases() -> None:
    ids = [f"ops/Case{number}" for number in range(50)]
    sampled = [
        plan.items(("a", "b"), {"ops": order}, Selection(("ops",), sample=10))
        for order in (ids, ids[::-1])
    ]
    drawn = [
        {item.case for item in items if item.target == t} for items in sampled for t in "ab"
    ]
    assert len(drawn[0]) == 10
    assert all(each == drawn[0] for each in drawn)


def test_a_sample_of_more_cases_has_all_of_the_smaller_one() -> None:
    cases = {"ops": [f"ops/Case{number}" for number in range(50)]}
    few, many = (plan.chosen_cases(cases, Selection(("ops",), sample=n)) for n in (10, 20))
    assert set(few) < set(many)
    assert len(many) == 20


def test_slow_targets_are_given_a_sample_and_the_others_everything() -> None:
    cases = {"ops": [f"ops/Case{number}" for number in range(50)]}
    chosen = Selection(("ops",), sample_slow=10, slow=frozenset({"a:0"}))
    items = plan.items(TARGETS, cases, chosen)
    assert len(ids(items, "b:0")) == 50
    alone = plan.items(["a:0"], cases, Selection(("ops",), sample=10))
    assert ids(items, "a:0") == ids(alone)
    assert not chosen.is_whole


def test_a_sample_is_drawn_from_what_the_pattern_leaves() -> None:
    cases = {"ops": [f"ops/{kind}{number}" for kind in ("Add", "Mul") for number in range(50)]}
    drawn = plan.chosen_cases(cases, Selection(("ops",), patterns=("ops/Mul*",), sample=10))
    assert len(drawn) == 10
    assert all(case.startswith("ops/Mul") for case in drawn)


def test_a_sample_is_no_whole_run() -> None:
    assert not Selection(("onnx",), sample=3).is_whole

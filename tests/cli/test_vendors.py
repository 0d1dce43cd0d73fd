"""`hal vendors`: the catalogue of hardware makers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal.errors import InputError
from hal.vendors import FILE, load

Hal = Callable[..., Any]


def test_at_least_thirty_makers_are_listed_each_with_a_path_and_a_status(hal: Hal) -> None:
    done = hal("vendors", "--json")
    assert done.code == 0, done
    assert len(done.json["makers"]) >= 30
    assert all(maker["paths"] for maker in done.json["makers"])


def test_a_maker_is_found_by_a_part_of_its_name_in_any_case(hal: Hal) -> None:
    done = hal("vendors", "QUALC", "--json")
    assert [maker["name"] for maker in done.json["makers"]] == ["Qualcomm"]


def test_what_is_needed_is_printed_for_a_maker_that_is_named(hal: Hal) -> None:
    done = hal("vendors", "rockchip")
    assert done.code == 0, done
    assert "needs:" in done.out
    assert "rknn-toolkit2" in done.out


def test_an_unknown_maker_is_wrong_usage_and_the_nearest_is_named(hal: Hal) -> None:
    done = hal("vendors", "quallcom")
    assert done.code == 2
    assert "'qualcomm'" in done.err


def test_a_status_leaves_out_the_other_paths(hal: Hal) -> None:
    done = hal("vendors", "--status", "verified", "--json")
    found = [path["status"] for maker in done.json["makers"] for path in maker["paths"]]
    assert set(found) == {"verified"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("        status: verified\n", "        status: simulated\n", "status"),
        ("        status: verified\n", "", "no evidence"),
        ("  - name: AMD\n", "  - name: Zylon\n", "alphabet"),
        ("needs: the package openvino\n", "need: the package openvino\n", "need"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_the_place(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    text = FILE.read_text("utf-8")
    assert before in text
    wrong = tmp_path / "vendors.yaml"
    wrong.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(InputError, match=told):
        load(wrong)

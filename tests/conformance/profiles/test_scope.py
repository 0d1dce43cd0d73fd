"""The shipped profiles over the corpora, and the hash that keeps their scopes whole."""

from __future__ import annotations

from functools import cache

import pytest
from hal_conformance.profiles import scope as scopes
from hal_conformance.profiles.loading import load, names
from hal_conformance.profiles.scope import LOCK, Scope, published, scope
from hal_conformance.profiles.suites import installed, scope_over

NAMES = names()


@cache
def whole(name: str) -> Scope:
    return installed(load(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_published_scope_is_that_of_the_frozen_corpora(name: str) -> None:
    told = "python -m hal_conformance.profiles writes scopes.lock anew"
    assert whole(name).line == published()[name], told


def test_the_lock_has_the_shipped_profiles_and_no_others() -> None:
    assert LOCK.is_file()
    assert sorted(published()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_part_has_cases(name: str) -> None:
    empty = [part for (_, part), cases in whole(name).parts.items() if not cases]
    assert empty == []


@pytest.mark.parametrize("name", NAMES)
def test_every_listed_operator_has_a_mandatory_case_at_its_opset(name: str) -> None:
    profile = load(name)
    asked = {
        operator
        for part in profile.mandatory
        for rule in part.rules
        for operator in rule.operators or ()
    }
    mandatory = {
        case.split("/")[1]
        for (tier, _), cases in whole(name).parts.items()
        for case in cases
        if tier == "mandatory" and case.startswith("ops/")
    }
    missing = asked - mandatory
    assert missing == set()


def test_no_case_is_in_two_parts() -> None:
    parts = whole("fp32").parts.values()
    assert sum(len(cases) for cases in parts) == len(whole("fp32").cases)


def test_a_smaller_scope_is_not_the_published_one() -> None:
    found = whole("edge")
    first = next(iter(found.parts))
    smaller = Scope(found.profile, {**found.parts, first: found.parts[first][1:]})
    assert found.is_published
    assert not smaller.is_published
    assert smaller.hash != found.hash


def test_a_profile_of_another_definition_is_not_the_published_one() -> None:
    found = whole("edge")
    changed = found.profile.model_copy(update={"title": "ours"})
    assert not Scope(changed, found.parts).is_published


def test_suites_that_were_not_asked_are_missing_from_the_scope() -> None:
    profile = load("fp32")
    found = scope(profile, {"ops": ["ops/Abs/13/float32/plain"]}, {})
    assert found.cases == {"ops/Abs/13/float32/plain"}


def test_facts_are_asked_only_where_ids_do_not_tell() -> None:
    class Suite:
        def __init__(self, *cases: str) -> None:
            self.cases, self.asked = cases, list[str]()

        def ids(self) -> tuple[str, ...]:
            return self.cases

        def facts(self, case: str) -> dict[str, object]:
            self.asked.append(case)
            return {"ops": ["Abs"], "dtypes": ["float32"]}

    suites = {"ops": Suite("ops/Abs/13/float32/x"), "onnx": Suite("onnx/node/test_abs")}
    found = scope_over(load("fp32"), suites)
    assert found.cases == {"ops/Abs/13/float32/x", "onnx/node/test_abs"}
    assert (suites["ops"].asked, suites["onnx"].asked) == ([], ["onnx/node/test_abs"])


def test_the_record_holds_all_that_a_verdict_needs() -> None:
    record = whole("edge").record()
    assert record["published"]
    assert record["scope"] == whole("edge").hash
    assert sum(part["cases"] for part in record["parts"]) == len(whole("edge").cases)


def test_a_missing_lock_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scopes, "LOCK", LOCK.with_name("nothing.lock"))
    assert published() == {}

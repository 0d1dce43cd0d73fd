"""What a run does, in which order: suites, -k, --sample, --failed-from, --shard, --shuffle.

An item is one case on one target. Items are ordered by target, as the command named them, so
that workers stay warm; within a target as the suites list their cases, or shuffled. Shards are
dealt from the sorted order, so that the shards of one selection always make up the whole.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hal.errors import InputError
from hal_conformance import globs

FAILED = frozenset({"FAIL", "ERROR", "CRASH", "HANG", "OOM", "FLAKE", "ELSEWHERE"})


@dataclass(frozen=True, slots=True)
class Item:
    """One case on one target."""

    target: str
    case: str
    suite: str


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `count` shards, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard from "2/5".

        Raises:
            InputError: the text is not I/N with 1 <= I <= N.
        """
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal():
            shard = cls(int(number), int(count))
            if 1 <= shard.number <= shard.count:
                return shard
        raise InputError(f"--shard {text!r} is not I/N with 1 <= I <= N, such as 2/5")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases of the suites are run, and in which order.

    A case is run that any of `patterns` matches, or any case where there are none;
    `sample` is how many cases of them are drawn, `sample_slow` how many for the targets in
    `slow`; `profile` is what the run writes down of the profile that narrowed the suites.
    """

    suites: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    shard: Shard | None = None
    shuffle: int | None = None
    failed_from: Path | None = None
    profile: Mapping[str, Any] | None = None
    sample: int | None = None
    sample_slow: int | None = None
    slow: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether every case of the suites is run: only then can an expectation be stale."""
        drawn = (self.sample, self.sample_slow)
        chosen = (self.patterns or None, *drawn, self.shard, self.failed_from, self.profile)
        return all(choice is None for choice in chosen)

    def to_json(self) -> dict[str, object]:
        return {
            "k": list(self.patterns) or None,
            "sample": self.sample,
            "sample_slow": self.sample_slow,
            "shard": str(self.shard) if self.shard else None,
            "shuffle": self.shuffle,
            "failed_from": str(self.failed_from) if self.failed_from else None,
            "profile": self.profile["name"] if self.profile else None,
        }


def matches(case: str, pattern: str) -> bool:
    """Whether a glob matches the id or what follows a slash in it, or a word is part of it."""
    if not globs.is_glob(pattern):
        return pattern in case
    parts = case.split("/")
    return any(globs.matches(pattern, "/".join(parts[i:])) for i in range(len(parts)))


def matches_any(case: str, patterns: Collection[str]) -> bool:
    """Whether a pattern matches; where there are none, every case is wanted."""
    return not patterns or any(matches(case, pattern) for pattern in patterns)


def items(
    targets: Sequence[str], cases: Mapping[str, Iterable[str]], selection: Selection
) -> list[Item]:
    """The items of a run in the order in which they are begun; `cases` are ids by suite.

    Raises:
        InputError: nothing is selected; a run of no case would prove nothing.
    """
    suite_of = chosen_cases(cases, selection)
    slow = chosen_cases(cases, replace(selection, sample=selection.sample_slow))
    failed = failed_items(selection.failed_from, targets) if selection.failed_from else None
    chosen = [
        Item(target, case, suite_of[case])
        for target in targets
        for case in (slow if target in selection.slow else suite_of)
        if failed is None or (target, case) in failed
    ]
    if not chosen:
        raise InputError(_nothing(selection, sum(len(list(cases[s])) for s in cases)))
    return _shuffled(_dealt(chosen, selection.shard), selection.shuffle)


def chosen_cases(cases: Mapping[str, Iterable[str]], selection: Selection) -> dict[str, str]:
    """The suite of each case that -k and --sample leave, in the suites' order."""
    suite_of = {
        case: suite
        for suite in selection.suites
        for case in cases[suite]
        if matches_any(case, selection.patterns)
    }
    if selection.sample is None:
        return suite_of
    drawn = set(sorted(suite_of, key=_lot)[: selection.sample])
    return {case: suite for case, suite in suite_of.items() if case in drawn}


def _lot(case: str) -> bytes:
    """By what a sample is drawn: the same on every machine, and next to none change places
    when cases are added."""
    return hashlib.sha256(case.encode()).digest()


def _nothing(selection: Selection, available: int) -> str:
    if selection.failed_from:
        return f"no case of this selection failed in {selection.failed_from}: nothing to run"
    asked = " ".join(f"-k {pattern!r}" for pattern in selection.patterns)
    return f"{asked} matches none of {available} cases"


def _dealt(chosen: list[Item], shard: Shard | None) -> list[Item]:
    if shard is None:
        return chosen
    place = {case: index for index, case in enumerate(sorted({item.case for item in chosen}))}
    return [item for item in chosen if place[item.case] % shard.count == shard.number - 1]


def _shuffled(chosen: list[Item], seed: int | None) -> list[Item]:
    if seed is None:
        return chosen
    mixed: list[Item] = []
    for target in dict.fromkeys(item.target for item in chosen):
        own = [item for item in chosen if item.target == target]
        random.Random(f"{seed}/{target}").shuffle(own)
        mixed += own
    return mixed


def failed_items(results: Path, targets: Sequence[str]) -> set[tuple[str, str]]:
    """The (target, case) pairs that went wrong in an earlier run, or were not expected there.

    Raises:
        InputError: there are no results at that path, or none of one of the targets.
    """
    rows = read_results(results)
    absent = sorted(set(targets) - {str(row["target"]) for row in rows})
    if absent:
        raise InputError(f"{results} has no results of {', '.join(absent)}")
    return {
        (str(row["target"]), str(row["case"]))
        for row in rows
        if row["outcome"] in FAILED or row.get("unexpected")
    }


def read_results(results: Path) -> list[dict[str, object]]:
    """The rows of a results folder, or of its results.jsonl.

    Raises:
        InputError: there is no results.jsonl, or it is damaged.
    """
    path = results / "results.jsonl" if results.is_dir() else results
    if not path.is_file():
        raise InputError(f"no results at {results}: expected a folder that holds results.jsonl")
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from error

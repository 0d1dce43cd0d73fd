"""What the records of a run say of a profile, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hal_conformance.profiles.loading import parsed
from hal_conformance.profiles.profile import Profile, Tier
from hal_conformance.records import JUDGED, Outcome

NOT_RUN = frozenset({Outcome.COMPILED, Outcome.SKIP})
"""Outcomes that show nothing: the case was not run to its end here."""

FAULTS = JUDGED - {Outcome.PASS}
"""Outcomes of a case that was taken on and not done; GAP is the honest way to decline."""

Standing = Literal["conformant", "not conformant", "incomplete"]


class Recorded(Protocol):
    """What is read of a CaseRecord."""

    @property
    def case(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def ops(self) -> Sequence[str]: ...
    @property
    def dtypes(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """One part: `cases` are in its scope, `outcomes` counts those with a record."""

    name: str
    tier: Tier
    cases: int
    outcomes: Mapping[Outcome, int]

    @property
    def passed(self) -> int:
        """Cases that PASS."""
        return self.outcomes.get(Outcome.PASS, 0)

    @property
    def unjudged(self) -> int:
        """Cases in which the bounds say nothing."""
        return self.outcomes.get(Outcome.UNJUDGED, 0)

    @property
    def gaps(self) -> int:
        """Cases that were cleanly refused."""
        return self.outcomes.get(Outcome.GAP, 0)

    @property
    def faults(self) -> int:
        """Cases that were taken on and not done right."""
        return sum(self.outcomes.get(outcome, 0) for outcome in FAULTS)

    @property
    def not_run(self) -> int:
        """Cases of which nothing is known."""
        shown = sum(n for outcome, n in self.outcomes.items() if outcome not in NOT_RUN)
        return max(0, self.cases - shown)

    @property
    def share(self) -> float:
        """PASS among the cases that can be judged; 0 where there are none."""
        judged = self.cases - self.unjudged
        return self.passed / judged if judged else 0.0

    @property
    def standing(self) -> Standing:
        """What is shown of the part, were it mandatory."""
        if self.faults or self.gaps:
            return "not conformant"
        return "incomplete" if self.not_run or not self.passed else "conformant"


@dataclass(frozen=True, slots=True)
class ProfileVerdict:
    """The verdict on a profile: that on its mandatory parts; the optional ones have shares."""

    name: str
    version: str
    arithmetic: str
    published: bool
    parts: tuple[PartVerdict, ...]

    def of(self, tier: Tier) -> tuple[PartVerdict, ...]:
        """The mandatory parts, or the optional ones."""
        return tuple(part for part in self.parts if part.tier == tier)

    @property
    def standing(self) -> Standing:
        """Conformant where every mandatory part is."""
        found = {part.standing for part in self.of("mandatory") if part.cases}
        if "not conformant" in found:
            return "not conformant"
        return "conformant" if found == {"conformant"} else "incomplete"

    @property
    def line(self) -> str:
        """All of it in a sentence."""
        mandatory, optional = (_sum(self.of(tier)) for tier in ("mandatory", "optional"))
        counts = [
            f"{mandatory.passed} of {mandatory.cases} mandatory cases pass",
            *_counted(mandatory),
        ]
        told = f"{self.name} {self.version}: {self.standing}; {', '.join(counts)}"
        if optional.cases:
            told += f"; optional: {optional.share:.1%} of {optional.cases}"
            told += f", {optional.faults} faults" if optional.faults else ""
        return told if self.published else f"{told}; not the published scope"

    def to_json(self) -> dict[str, Any]:
        """As reports and `--json` tell it."""
        return {
            "name": self.name,
            "version": self.version,
            "arithmetic": self.arithmetic,
            "published": self.published,
            "standing": self.standing,
            "line": self.line,
            "parts": [_part_json(part) for part in self.parts],
        }


def verdict(
    profile: Profile,
    records: Iterable[Recorded],
    cases: Mapping[str, int],
    *,
    published: bool = True,
) -> ProfileVerdict:
    """The verdict on one target.

    Args:
        profile: the profile.
        records: those of one target; cases outside the profile are passed over.
        cases: how many cases the scope has, by part.
        published: whether the scope is the published one.
    """
    counted: dict[str, Counter[Outcome]] = {part.name: Counter() for _, part in profile.parts()}
    for record in records:
        found = profile.part(record.case, {"ops": record.ops, "dtypes": record.dtypes})
        if found is not None:
            counted[found[1]][record.outcome] += 1
    parts = tuple(
        PartVerdict(part.name, tier, cases.get(part.name, 0), dict(counted[part.name]))
        for tier, part in profile.parts()
    )
    return ProfileVerdict(profile.name, profile.version, profile.arithmetic, published, parts)


def of_run(recorded: Mapping[str, Any], records: Iterable[Recorded]) -> ProfileVerdict:
    """The verdict on one target of a run, from the profile that its header holds.

    Args:
        recorded: `records.ProfileRecord` as plain data.
        records: those of one target.
    """
    profile = parsed(recorded["definition"], "run.json")
    cases = {part["name"]: int(part["cases"]) for part in recorded["parts"]}
    return verdict(profile, records, cases, published=bool(recorded["published"]))


def _sum(parts: Sequence[PartVerdict]) -> PartVerdict:
    outcomes: Counter[Outcome] = Counter()
    for part in parts:
        outcomes.update(part.outcomes)
    tier: Tier = parts[0].tier if parts else "optional"
    return PartVerdict("all", tier, sum(part.cases for part in parts), outcomes)


def _counted(part: PartVerdict) -> list[str]:
    told = [
        (part.faults, "faults"),
        (part.gaps, "gaps"),
        (part.unjudged, "unjudged"),
        (part.not_run, "not run"),
    ]
    return [f"{number} {word}" for number, word in told if number]


def _part_json(part: PartVerdict) -> dict[str, Any]:
    return {
        "name": part.name,
        "tier": part.tier,
        "standing": part.standing,
        "cases": part.cases,
        "outcomes": {outcome.value: n for outcome, n in sorted(part.outcomes.items())},
        "not_run": part.not_run,
        "share": round(part.share, 4),
    }

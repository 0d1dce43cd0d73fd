"""A probe asks one question; a fact is its answer, with the evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal_conformance.fingerprint.lab import Lab

UNKNOWN = "unknown: "
"""What the value of a fact begins with that could not be told; the reason follows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a probe concludes, and what it saw."""

    value: str
    seen: str


class Unread(Exception):
    """A probe ran, but what it saw tells nothing: `why` is short and stable."""

    def __init__(self, why: str, seen: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.seen = seen


class Uneven(Exception):
    """Equal elements came back different, by their place in the tensor: that is the fact."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: `fact` is the stable id of its answer, `means` how it is concluded.

    A `dangerous` one may end the process on a device that is otherwise sound: such are asked
    last, and how they end is their answer.
    """

    fact: str
    means: str
    ask: Callable[[Lab], Seen]
    dangerous: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known of a device: its value, the models that were run, and what was seen."""

    id: str
    value: str
    probe: str
    seen: str
    means: str

    @property
    def is_known(self) -> bool:
        """Whether the probe told anything."""
        return not self.value.startswith(UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """The fact as a JSON object."""
        return {
            "id": self.id,
            "value": self.value,
            "probe": self.probe,
            "seen": self.seen,
            "means": self.means,
        }


def digest(facts: Mapping[str, str]) -> str:
    """One hash over the values of facts, whatever their order."""
    text = "".join(f"{name}={facts[name]}\n" for name in sorted(facts))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

"""Whether this machine makes what is frozen: everything anew, compared line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hal_conformance.frozen.lock import Frozen
from hal_conformance.frozen.making import Order
from hal_conformance.frozen.workshop import Workshop
from hal_conformance.making import Progress


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that is not made as it was frozen, and how."""

    case: str
    what: str


def made(wanted: Sequence[str], jobs: int, progress: Progress) -> list[Frozen]:
    """The lines of these parts as this machine makes them, in the order of the parts.

    Raises:
        CorpusError: a part could not be made.
    """
    orders = [Order(None, part) for part in wanted]
    with Workshop(min(jobs, len(orders))) as workshop:
        answers = list(workshop.make(orders, progress))
    found = [Frozen.parse(line) for lines in answers for line in lines]
    return sorted(found, key=lambda line: line.id)


def compare(frozen: Mapping[str, Frozen], found: Sequence[Frozen]) -> Iterator[Difference]:
    """What differs between the lock and what was made."""
    lines = {line.id: line for line in found}
    for case in sorted(frozen.keys() | lines.keys()):
        old, new = frozen.get(case), lines.get(case)
        if new is None:
            yield Difference(case, "is frozen, and is not made")
        elif old is None:
            yield Difference(case, "is made, and is not frozen")
        elif old.hash != new.hash:
            yield Difference(case, "asks something else")
        elif not old.sketch.agrees(new.sketch):
            yield Difference(case, f"has other references ({new.sketch} for {old.sketch})")


def parts_of(suite: str) -> list[str]:
    """The parts that the generator has now, whatever the lock names."""
    if suite == "ops":
        from hal_conformance.generated import registry

        return sorted({f"ops/{pair.name}" for pair in registry.pairs()})
    from hal_conformance.generated.graphs import FAMILIES

    return [f"graphs/{name}" for name in FAMILIES]

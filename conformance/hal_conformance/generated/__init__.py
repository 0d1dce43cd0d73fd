"""The generated corpus: single-operator cases derived from the schema registry of onnx.

Readers want `generate()`: every `Source`, sorted by family, always the same. What is expected
of a device is computed elsewhere (hal_conformance.numerics), from the same model and feeds.

    registry.py   (operator, version) pairs, types     form.py      what families declare
    draw.py       the integer generator of numbers     families/    a table a family
    values.py     classes of values                    build.py     forms to models and feeds
    source.py     Source                               coverage.py  what is covered
    variants.py   cases of other sizes, ranks, values  variants_choice.py  which there are
"""

from __future__ import annotations

from collections.abc import Iterator

from hal_conformance.generated import registry, variants
from hal_conformance.generated.build import sources
from hal_conformance.generated.families import families_of
from hal_conformance.generated.source import Source

__all__ = ["Source", "generate"]


def generate(op: str | None = None) -> Iterator[Source]:
    """Every generated case, in an order that never changes.

    Args:
        op: only those of this operator.

    Raises:
        ValueError: onnx refuses a model: a family is wrong.
    """
    for pair in registry.pairs():
        if op in (None, pair.op):
            name, kept = f"{pair.name}/{pair.version}", list[Source]()
            for family in families_of(pair.domain, pair.op):
                for source in sources(pair, family):
                    kept += [source] if variants.wanted(name) else []
                    yield source
            yield from variants.of_cases(name, kept)

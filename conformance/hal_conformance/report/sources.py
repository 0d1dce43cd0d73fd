"""Where the limit of an operator comes from, in one sentence, for those who are accused."""

from __future__ import annotations

from functools import lru_cache

RELATED = (
    "two outputs of one model that owe each other equality, or nearness within their bounds"
)


@lru_cache(maxsize=4096)
def source_of(op: str, version: int, domain: str = "") -> str:
    """What the bound of an operator rests on: its rule's source, or the standard's own body."""
    from hal_conformance.numerics import families, rules
    from hal_conformance.numerics.exceptions import EXCEPTIONS
    from hal_conformance.numerics.functions import ACCURACY

    families.load()
    entry = rules.find(op, version, domain)
    if entry is None:
        return "the function body of the standard, each operator of it by its own rule"
    plain = domain in ("", "ai.onnx")
    parts: list[str] = []
    accuracy = ACCURACY.get(op) if plain else None
    if accuracy is not None:
        parts.append(f"{accuracy.single:g} ULP: {accuracy.source}")
    if accuracy is None or "functions.py" not in entry.source:
        parts.append(entry.source)
    if plain and op in EXCEPTIONS:
        parts.append(f"a rule of its own: {EXCEPTIONS[op]}")
    return "; ".join(parts)

"""Mistakes in a `devices.yaml`, in words: where, what is wrong, the nearest valid word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, ValidationError

from hal.targets_schema import (
    DevicesFile,
    EnvEntry,
    OptionsEntry,
    TargetEntry,
    TimeoutsEntry,
)

Loc: TypeAlias = "tuple[str | int, ...]"

_KINDS: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_type": "text",
}

_PATTERNS: Mapping[Any, str] = {
    "host": "ssh://user@board, with :port where it is not 22",
    "python": 'a version of Python, such as "3.10"',
}
"""What keys with a pattern of their own may hold; the others are names of targets."""


@dataclass(frozen=True)
class Position:
    """A line and a column, both counted from one, as editors do."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"

    @classmethod
    def of_key(cls, tree: Any, loc: Loc) -> Position:
        """Where the key (or list item) that `loc` leads to is written."""
        return cls._find(tree, loc, 0)

    @classmethod
    def of_value(cls, tree: Any, loc: Loc) -> Position:
        """Where the value that `loc` leads to begins."""
        return cls._find(tree, loc, 2)

    @classmethod
    def _find(cls, tree: Any, loc: Loc, offset: int) -> Position:
        """The deepest place on the way of `loc` that ruamel has a position for."""
        place = (0, 0)
        node = tree
        for index, step in enumerate(loc):
            known: Mapping[Any, list[int]] = (
                getattr(getattr(node, "lc", None), "data", None) or {}
            )
            where = known.get(step)
            if where is None:
                break
            start = offset if index == len(loc) - 1 and len(where) == 4 else 0
            place = (where[start], where[start + 1])
            node = node[step]
        return cls(place[0] + 1, place[1] + 1)


def explain(error: ValidationError, tree: Any, path: Path) -> str:
    """Every mistake on a line of its own, in the order of the file."""
    found: set[tuple[int, int, str]] = set()
    for item in error.errors(include_url=False):
        loc = _without_markers(item["loc"])
        on_key = item["type"] in ("extra_forbidden", "missing") or item["loc"][-1] == "[key]"
        find = Position.of_key if on_key else Position.of_value
        at = find(tree, loc)
        words = _WORDS.get(item["type"], _other)
        found.add((at.line, at.column, words(loc, cast("dict[str, Any]", item))))
    return "\n".join(f"{path}:{line}:{column}: {text}" for line, column, text in sorted(found))


def _without_markers(loc: Loc) -> Loc:
    """The path in the file: pydantic adds "[key]" and names of union members to it."""
    if loc and loc[-1] == "[key]":
        return loc[:-1]
    return loc


def _subject(loc: Loc) -> str:
    """The key at the end of `loc`, and the target it is in."""
    inside = f" of target {loc[1]!r}" if len(loc) > 2 and loc[0] == "targets" else ""
    keys = ".".join(str(step) for step in (loc[2:] if inside else loc))
    return f"{keys!r}{inside}"


def _model_at(loc: Loc) -> type[BaseModel]:
    """The model whose keys may stand at `loc`."""
    nested: Mapping[Any, type[BaseModel]] = {
        "env": EnvEntry,
        "options": OptionsEntry,
        "timeouts": TimeoutsEntry,
    }
    if len(loc) < 2:
        return DevicesFile
    return TargetEntry if len(loc) == 2 else nested.get(loc[2], TargetEntry)


def _nearest(word: Any, words: Iterable[str]) -> str:
    near = get_close_matches(str(word), list(words), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


def _unknown_key(loc: Loc, item: dict[str, Any]) -> str:
    del item
    fields = _model_at(loc[:-1]).model_fields.items()
    known = [field.alias or name for name, field in fields]
    hint = _nearest(loc[-1], known)
    return f"unknown key {_subject(loc)}; {hint}the keys here are {', '.join(known)}"


def _missing(loc: Loc, item: dict[str, Any]) -> str:
    del item
    return f"the key {_subject(loc)} is missing"


def _wrong_word(loc: Loc, item: dict[str, Any]) -> str:
    words: str = item["ctx"]["expected"]
    hint = _nearest(
        item["input"], [word.strip("' ") for word in words.replace(" or ", ",").split(",")]
    )
    return f"{_subject(loc)} is {item['input']!r}; {hint}it may be {words}"


def _bad_name(loc: Loc, item: dict[str, Any]) -> str:
    what = _PATTERNS.get(loc[-1])
    if what is not None and len(loc) > 2:
        return f"{_subject(loc)} is {_shown(item['input'])}; it must be {what}"
    name = item["input"]
    why = (
        "a colon names a device ad hoc (adapter:device)"
        if ":" in str(name)
        else "a name begins with a letter or digit and goes on with letters, digits and . _ + -"
    )
    return f"{name!r} cannot name a target: {why}"


def _other(loc: Loc, item: dict[str, Any]) -> str:
    wanted = _KINDS.get(item["type"])
    rule = f"it must be {wanted}" if wanted else str(item["msg"])
    return f"{_subject(loc)} is {_shown(item['input'])}; {rule}"


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_WORDS: Mapping[str, Callable[[Loc, dict[str, Any]], str]] = {
    "extra_forbidden": _unknown_key,
    "literal_error": _wrong_word,
    "missing": _missing,
    "string_pattern_mismatch": _bad_name,
}

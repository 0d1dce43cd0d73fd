"""From a file, or the name of one that is shipped, to a Profile."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hal.errors import InputError
from hal_conformance.profiles.profile import Profile

FOLDER = Path(__file__).parent / "shipped"
GROUPS = FOLDER / "groups.toml"


def names() -> list[str]:
    """The profiles that are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path != GROUPS)


def load(name: str) -> Profile:
    """A shipped profile by its name, or one from a file.

    Raises:
        InputError: there is none, or it is wrong; the message says where.
    """
    shipped = FOLDER / f"{name}.toml"
    if name in names():
        return _read(shipped)
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"no profile {name!r}: it is no file, and shipped are {', '.join(names())}"
        )
    return _read(path)


def _read(path: Path) -> Profile:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is no profile: {error}") from error
    return parsed(data, str(path))


def parsed(data: Mapping[str, Any], where: str) -> Profile:
    """A profile from its data; "@name" among operators stands for a group.

    Raises:
        InputError: it is wrong.
    """
    try:
        return Profile.model_validate(_expanded(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(word) for word in first["loc"]) or "the file"
        raise InputError(f"{where}: {place}: {first['msg']}") from error
    except InputError as error:
        raise InputError(f"{where}: {error.message}") from error


@cache
def groups() -> Mapping[str, tuple[str, ...]]:
    """The lists of operators that profiles share."""
    data = tomllib.loads(GROUPS.read_text(encoding="utf-8"))
    return {name: tuple(group["operators"]) for name, group in data.items()}


def _expanded(data: Any) -> Any:
    """The data with groups of operators written out, wherever operators are listed."""
    if isinstance(data, list):
        return [_expanded(item) for item in _items(data)]
    if not isinstance(data, dict):
        return data
    return {
        key: _operators(value) if key == "operators" else _expanded(value)
        for key, value in _entries(data)
    }


def _items(data: Any) -> list[Any]:
    return list(data)


def _entries(data: Any) -> list[tuple[str, Any]]:
    return list(data.items())


def _operators(listed: Any) -> Any:
    """The operators, without repetition; "-Name" takes one out again."""
    if not isinstance(listed, list):
        return listed
    found: dict[str, None] = {}
    for name in map(str, _items(listed)):
        if name.startswith("@"):
            found |= dict.fromkeys(_group(name[1:]))
        elif name.startswith("-"):
            if name[1:] not in found:
                raise InputError(f"{name[1:]} is to be taken out, and was not in")
            del found[name[1:]]
        else:
            found[name] = None
    return list(found)


def _group(name: str) -> tuple[str, ...]:
    if name not in groups():
        raise InputError(f"no group @{name}; there are {', '.join(sorted(groups()))}")
    return groups()[name]

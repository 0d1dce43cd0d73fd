"""Reading `devices.yaml`: layers of files, inheritance, and mistakes told with their place.

Files are read in layers, ours first; a later one wins by name. `extends` takes over another
target's keys: of the same file, or of an earlier layer (a target that extends its own name
adds to the earlier one), or an ad-hoc name. Every mistake becomes an InputError that says file,
line, column, what is wrong there, and the nearest valid word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

import hal
from hal import registry
from hal.errors import AdapterError, InputError
from hal.spec import CompileOptions
from hal.targets import LOCAL_FILE, EnvSpec, Target, Timeouts, ad_hoc
from hal.targets_mistakes import Position, explain
from hal.targets_schema import DevicesFile

Raw: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True)
class Entry:
    """One target as a file writes it: its own keys, and where it stands."""

    raw: Raw
    path: Path
    places: Mapping[str, Position]  # of its values, by key; "" is the target's own name

    def place(self, key: str = "") -> str:
        """For an error's beginning: file, line, column of that key's value, or of the name."""
        return f"{self.path}:{self.places.get(key, self.places[''])}"


Layer: TypeAlias = "Mapping[str, Entry]"


def shipped_file() -> Path:
    """The `devices.yaml` of this package: beside it in a wheel, above it in a checkout."""
    package = Path(hal.__file__).parent
    inside = package / LOCAL_FILE
    return inside if inside.is_file() else package.parent / LOCAL_FILE


def layers(files: Sequence[Path]) -> list[Path]:
    """Which files are read, the first one first: ours, then those named, or the local one."""
    ours = shipped_file()
    local = Path(LOCAL_FILE)
    chosen = [Path(file) for file in files] or ([local] if local.is_file() else [])
    return [ours, *(path for path in chosen if path.resolve() != ours.resolve())]


def load_layers(paths: Sequence[Path]) -> dict[str, Target]:
    """Every target of the files, the later ones winning.

    Raises:
        InputError: a file cannot be read, or is wrong somewhere.
    """
    stack = [read(path) for path in paths]
    found: dict[str, Target] = {}
    for depth, layer in enumerate(stack):
        for name, entry in layer.items():
            found[name] = _target(name, entry, _flatten(name, stack[: depth + 1], ()))
    return found


def check_adapter(target: Target, paths: Sequence[Path]) -> None:
    """Refuse an adapter nobody registers; one in another interpreter is not looked for here.

    Raises:
        AdapterError: it is not; the message says where the name is written, and the nearest.
    """
    if target.python is not None:
        return
    try:
        registry.entry(target.adapter)
    except AdapterError as error:
        entry = next(
            layer[target.name] for layer in map(read, reversed(paths)) if target.name in layer
        )
        raise AdapterError(f"{entry.place('adapter')}: {error.message}") from error


def read(path: Path) -> Layer:
    """The targets one file writes down, each checked on its own.

    Raises:
        InputError: the file cannot be read, is not YAML, or breaks the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the devices file {path}: {error}") from error
    return _parse(text, path, path.resolve().parent)


@lru_cache(maxsize=16)
def _parse(text: str, path: Path, folder: Path) -> Layer:
    tree = _tree(text, path)
    plain = _plain(tree)
    try:
        DevicesFile.model_validate(plain)
    except ValidationError as error:
        raise InputError(explain(error, tree, path)) from error
    entries: dict[str, Entry] = {}
    for name, raw in plain["targets"].items():
        loc = ("targets", name)
        places = {key: Position.of_value(tree, (*loc, key)) for key in raw}
        places[""] = Position.of_key(tree, loc)
        entries[name] = Entry(_absolute(raw, folder), path, places)
    return entries


def _tree(text: str, path: Path) -> Any:
    yaml: Any = YAML(typ="rt")  # ruamel.yaml's loaders and marks are not annotated
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        raise InputError(_syntax(error, path)) from error
    except YAMLError as error:
        raise InputError(f"{path}: not YAML: {str(error).strip()}") from error
    if not isinstance(tree, dict):
        raise InputError(f"{path}:1:1: a devices file is a mapping with the key 'targets'")
    return tree  # pyright: ignore[reportUnknownVariableType]  ruamel's tree is untyped


def _syntax(error: Any, path: Path) -> str:
    mark = error.problem_mark or error.context_mark
    at = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    problem = str(error.problem or error.context).partition("\n")[0]
    # A duplicate key's message goes on with both values at full length.
    return f"{at}: {problem.partition(' with value')[0]}"


def _plain(node: Any) -> Any:
    """The tree without its positions: dicts, lists and the scalars of JSON."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # YAML
    if isinstance(node, list):
        return [_plain(item) for item in node]  # pyright: ignore[reportUnknownVariableType]  # YAML
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _absolute(raw: Raw, folder: Path) -> Raw:
    """The same keys, with paths that no longer depend on where the file lies."""
    fixed = dict(raw)
    if "expectations" in raw:
        fixed["expectations"] = [str(folder / item) for item in raw["expectations"]]
    python = raw.get("python")
    is_here = raw.get("host") is None  # else a path is one of another machine
    if python is not None and is_here and ("/" in python or "\\" in python):
        # Not resolved: a virtual environment's interpreter is a link that must stay one.
        fixed["python"] = str(folder / Path(python).expanduser())
    if raw.get("env"):
        requires = [_placed(line, folder) for line in raw["env"]["requires"]]
        fixed["env"] = {**raw["env"], "requires": requires}
    return fixed


def _placed(line: str, folder: Path) -> str:
    """A requirement that is a path (it begins with "." or "~"), relative to the file."""
    is_path = line.startswith(("./", "../", "~/", ".\\", "..\\"))
    return str(folder / Path(line).expanduser()) if is_path else line


def _flatten(name: str, stack: Sequence[Layer], seen: tuple[tuple[int, str], ...]) -> Raw:
    """The keys of the topmost target of that name, with what it extends below them."""
    depth = max(index for index, layer in enumerate(stack) if name in layer)
    entry = stack[depth][name]
    base = entry.raw.get("extends")
    if base is None:
        return entry.raw
    if (depth, name) in seen:
        chain = " -> ".join([*(step for _, step in seen), name])
        raise InputError(
            f"{entry.place('extends')}: targets extend each other in a circle: {chain}"
        )
    below = stack[:depth] if base == name else stack[: depth + 1]
    if ":" in base:
        inherited = _of_ad_hoc(base, entry)
    elif any(base in layer for layer in below):
        inherited = _flatten(base, below, (*seen, (depth, name)))
    else:
        raise InputError(_unknown_base(name, base, entry, below))
    return _merge(inherited, {key: v for key, v in entry.raw.items() if key != "extends"})


def _of_ad_hoc(name: str, entry: Entry) -> Raw:
    try:
        target = ad_hoc(name)
    except InputError as error:
        raise InputError(f"{entry.place('extends')}: {error.message}") from error
    return {
        "adapter": target.adapter,
        "device": target.device,
        "options": {"arithmetic": target.options.arithmetic},
    }


def _unknown_base(name: str, base: str, entry: Entry, below: Sequence[Layer]) -> str:
    known = sorted({other for layer in below for other in layer} - {name})
    near = get_close_matches(base, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return (
        f"{entry.place('extends')}: extends {base!r}, which is no target here; {hint}"
        f"known at this point: {', '.join(known)}"
    )


def _merge(below: Raw, above: Raw) -> Raw:
    """The keys of both; of mappings the union, of anything else what stands above."""
    merged = dict(below)
    for key, value in above.items():
        old: Any = below.get(key)
        new: Any = value
        nested = isinstance(old, dict) and isinstance(new, dict)
        merged[key] = _merge(cast("Raw", old), cast("Raw", new)) if nested else new
    return merged


def _target(name: str, entry: Entry, raw: Raw) -> Target:
    missing = [key for key in ("adapter", "device") if raw.get(key) is None]
    if missing:
        raise InputError(
            f"{entry.place()}: target {name!r} has no {' and no '.join(missing)}; "
            "give both, or extend a target that has them"
        )
    if raw.get("env") and raw.get("python"):
        raise InputError(
            f"{entry.place('env')}: target {name!r} has both an env and a python; its workers "
            "live in one of them: take one away (null undoes what is inherited)"
        )
    options = CompileOptions.from_json(raw.get("options", {}))
    return Target(
        name=name,
        adapter=raw["adapter"],
        device=raw["device"],
        options=options,
        arithmetic=raw.get("arithmetic", options.arithmetic),
        labels=tuple(raw.get("labels", ())),
        timeouts=Timeouts(**raw.get("timeouts", {})),
        expectations=_paths(raw.get("expectations", ())),
        python=raw.get("python"),
        source=f"{entry.path}:{entry.places[''].line}",
        env=EnvSpec.from_json(raw["env"]) if raw.get("env") else None,
        host=raw.get("host"),
    )


def _paths(names: Iterable[str]) -> tuple[Path, ...]:
    return tuple(Path(name) for name in names)

"""One case as a folder that shows its failure to somebody who does not know this package."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from hal.errors import InputError
from hal.model import Model
from hal.tensor import Value
from hal_conformance.numerics.pair import Pair
from hal_conformance.runner import valuefiles
from hal_conformance.runner.evidence import Evidence, Shown
from hal_conformance.runner.finish import machine
from hal_conformance.runner.script import is_native, script
from hal_conformance.runner.valuefiles import Written

SCRIPT = "repro.py"

_README = """\
# {case} on {target}

Outcome: **{outcome}**{reason}

`python {script}`, in this folder, shows it: it compiles `model.onnx`, runs it on `inputs/`, and
compares with `expected/`. {needs}
What the device returned here is in `got/`, where it returned anything; `environment.txt` lists
what was installed.
{history}
Made by `hal repro {case} -d {target}`.
"""


def write(
    folder: Path,
    evidence: Evidence,
    before: Sequence[tuple[Shown, Mapping[str, Value]]] = (),
) -> list[Path]:
    """Write the folder; `before` are cases that must run first, with their feeds.

    Returns:
        What was written, beside the folders of values.

    Raises:
        InputError: the folder holds something else.
    """
    _empty(folder)
    case = evidence.case
    _copy(case.model, folder)
    feeds = _write_all(folder / "inputs", evidence.feeds)
    names = case.names
    expected = _write_all(
        folder / "expected", dict(zip(names, evidence.expected, strict=False))
    )
    _write_bounds(folder / "bounds", case)
    if evidence.got is not None:
        _write_all(folder / "got", {names[i]: value for i, value in enumerate(evidence.got)})
    earlier = [_write_earlier(folder, i, *one) for i, one in enumerate(before, 1)]
    pairs = list(zip(evidence.expected, expected.values(), strict=True))
    texts = {
        SCRIPT: script(evidence.target, case, feeds, pairs, earlier),
        "environment.txt": environment(),
        "README.md": _readme(evidence, [one.id for one, _ in before]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _empty(folder: Path) -> None:
    """Make the folder anew, if it is one of ours."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / SCRIPT).exists():
            raise InputError(f"{folder} holds something else; choose another folder with -o")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _copy(model: Model, folder: Path) -> None:
    """The model and its external data, under their own names."""
    (folder / "model.onnx").write_bytes(model.bytes())
    for path in model.external_paths():
        place = folder / path.relative_to(Path(model.folder or "").resolve())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _write_all(folder: Path, values: Mapping[str, Value]) -> dict[str, Written]:
    folder.mkdir()
    return {name: valuefiles.write(folder, name, value) for name, value in values.items()}


def _write_bounds(folder: Path, case: Shown) -> None:
    """References in float64, and how far from them an answer may lie."""
    if case.bounds is None:
        return
    folder.mkdir()
    for name, quantity in zip(case.names, case.bounds, strict=False):
        if isinstance(quantity, Pair) and quantity.is_float:
            np.save(folder / f"{valuefiles.plain(name)}.reference.npy", quantity.value)
            np.save(folder / f"{valuefiles.plain(name)}.bound.npy", quantity.errors())


def _write_earlier(
    folder: Path, number: int, case: Shown, feeds: Mapping[str, Value]
) -> tuple[str, dict[str, Written]]:
    name = f"before-{number}"
    (folder / name).mkdir()
    (folder / name / "model.onnx").write_bytes(case.model.bytes())
    return f"{name}/model.onnx", {
        key: valuefiles.write(folder / name, key, value) for key, value in feeds.items()
    }


def _readme(evidence: Evidence, before: Sequence[str]) -> str:
    target = evidence.target
    vendor = "It needs the vendor's package and NumPy, and not onnx-hal."
    if target.host is not None:
        vendor += f"\nThe device is at {target.host}: copy this folder there, and run it there."
    ours = "This vendor's adapter brings no script of its own, so it needs onnx-hal."
    listed = "".join(f"\n* `{case}`" for case in before)
    return _README.format(
        case=evidence.case.id,
        target=target.name,
        outcome=evidence.seen.outcome,
        reason=f": {evidence.seen.reason}" if evidence.seen.reason else "",
        script=SCRIPT,
        needs=vendor if is_native(target) else ours,
        history=f"\nIt fails only after these, in this order:\n{listed}\n" if before else "",
    )


def environment() -> str:
    """The machine and every installed package with its version."""
    python = f"{sys.implementation.name} {platform.python_version()}"
    facts = [f"{name}: {value}" for name, value in (machine() | {"python": python}).items()]
    packages = sorted(
        f"{dist.metadata['Name']}=={dist.version}" for dist in metadata.distributions()
    )
    return "\n".join([*facts, "", *dict.fromkeys(packages)]) + "\n"

"""What a run ran on and with, as pairs of words for people, the same in every format."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import cast

from hal_conformance.records import RunHeader, TargetHeader

_IDENTITY = ("name", "vendor", "kind", "sdk", "driver")


def facts(run: RunHeader) -> list[tuple[str, str]]:
    """The run itself: when, how, with which corpus and versions, on which machine."""
    found = [("started", run.started), ("ended", run.ended or "has not ended")]
    found.append(("command", shlex.join(run.command)))
    if run.selection:
        found.append(("selection", _plain(run.selection)))
    for suite, info in run.corpus.items():
        standard = f", onnx {info.onnx}" if info.onnx else ""
        found.append((f"corpus {suite}", f"{info.cases:,} cases{standard}, {info.hash}"))
    found += [(name, value) for name, value in run.machine.items()]
    found += [(package, version) for package, version in sorted(run.versions.items())]
    found.append(("jobs", str(run.jobs)))
    for part in run.parts:
        found.append(
            ("part", f"{shlex.join(part.command)}, {part.cases:,} cases, {part.started}")
        )
    return found


def target_facts(target: TargetHeader) -> list[tuple[str, str]]:
    """One target: the device's identity, what was asked of it, what it was found with."""
    identity = target.identity
    found = [(key, _plain(identity[key])) for key in _IDENTITY if identity.get(key)]
    found.append(("adapter", f"{target.adapter} {target.adapter_version}"))
    found.append(("device", target.device))
    found.append(("arithmetic", target.arithmetic or "not claimed"))
    if target.labels:
        found.append(("labels", ", ".join(target.labels)))
    options = {key: value for key, value in target.options.items() if value not in (None, {})}
    found += [(f"option {key}", _plain(value)) for key, value in options.items()]
    found += [(f"expectations {name}", _plain(v)) for name, v in target.expectations.items()]
    return found


def fingerprint(target: TargetHeader) -> list[tuple[str, str]]:
    """The facts that probes told of the target's arithmetic, and its machine."""
    return [(key, _plain(value)) for key, value in sorted(target.fingerprint.items())]


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return ", ".join(f"{key}={_plain(part)}" for key, part in items)
    return json.dumps(value, ensure_ascii=False, default=str)

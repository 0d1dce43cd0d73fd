"""Tables of a validation's results, and the documents that show them.

    python -m hal_conformance.models.table RESULTS.json [docs/typical.md]

With a document, what stands between its two marks is replaced.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

Results: TypeAlias = "Mapping[str, Any]"
Group: TypeAlias = Literal["chosen", "validated", "new"]

GROUPS: tuple[Group, ...] = ("chosen", "validated", "new")
"""The halves of the models, and the cases first looked at after the last change of the tier."""

RIGHT = ("onnxruntime", "onnxruntime unoptimised", "openvino f32", "rounded float32")
"""Devices that nothing is wrong with."""

_FLAT = 3
"""The rank up to which an output's last axis holds classes, and not a picture's columns."""

NEW = frozenset(
    {
        *("age/hopper", "captcha/other", "g2p-bert/sekolah", "gender/hopper", "kaldi/later"),
        *("magika/markdown", "mtcnn-o/astronaut", "mtcnn-r/hopper", "nemo80-conv/later"),
        *("silero-ifless/later", "silero-sequence/later", "gigaam3-conv/speech"),
        *("kaldi-conv/speech", "nemo128/speech", "resample/speech"),
    }
)
"""Cases that were first looked at after the last change of the tier."""

BEGIN = "<!-- results: begin -->"
END = "<!-- results: end -->"


def ratio(results: Results, entry: Mapping[str, Any]) -> float | None:
    """The largest error in deviations; None where there is none."""
    found = entry.get("ratio", {}).get(str(results["constants"]["floor"]))
    return None if found is None else float(found)


def accused(results: Results) -> list[str]:
    """The right devices that lie beyond the bound, by case."""
    width = results["constants"]["width"]
    return [
        f"{case['case']} on {label}: {at / width:.3g} times the bound"
        for case in results["cases"]
        for label in RIGHT
        if (at := ratio(results, case["devices"].get(label, {}))) is not None and at > width
    ]


def found(results: Results, group: Group | None, kind: str) -> tuple[int, int]:
    """How many faults of a kind were found, and of how many."""
    width = results["constants"]["width"]
    ratios = [at for _, at in _ratios(results, group, kind)]
    return sum(at > width for at in ratios), len(ratios)


def _ratios(results: Results, group: Group | None, kind: str) -> Iterator[tuple[str, float]]:
    """The faults of a kind: case, and the largest error in deviations."""
    for case in results["cases"]:
        if group not in (None, group_of(case)):
            continue
        for label, entry in case["devices"].items():
            at = ratio(results, entry)
            if kind_of(label) != kind or at is None:
                continue
            if kind == "openvino default" and (not case["layers"] or entry.get("same as f32")):
                continue  # nothing there is computed in bfloat16
            yield case["case"], at


def kind_of(label: str) -> str:
    """The kind of a fault; that of one layer in bfloat16 does not say which."""
    return "one bf16 layer" if label.startswith("bf16 layer") else label


def lines(results: Results) -> list[str]:
    """The tables as Markdown."""
    return [*_summary(results), "", *_faults(results), "", *_cases(results)]


def _summary(results: Results) -> list[str]:
    width = results["constants"]["width"]
    rows = ["| devices that are right | group | cases | accused | largest error / B |"]
    rows += ["|---|---|---:|---:|---:|"]
    for label in RIGHT:
        for group in GROUPS:
            at = [
                found
                for case in results["cases"]
                if group_of(case) == group
                and (found := ratio(results, case["devices"].get(label, {}))) is not None
            ]
            beyond = sum(one > width for one in at)
            largest = max(at, default=0.0) / width
            rows.append(f"| {label} | {group} | {len(at)} | {beyond} | {largest:.2f} |")
    return rows


KINDS: Mapping[str, str] = {
    "openvino default": "OpenVINO as it comes, in bfloat16",
    "bf16": "simulated bfloat16 device",
    "one bf16 layer": "one layer in bfloat16",
    "tf32": "simulated tf32 device",
    "2^-12": "functions off by 2^-12",
    "epsilon": "every epsilon a hundred times as large",
}


def _faults(results: Results) -> list[str]:
    rows = ["| fault | group | found | smallest error / B |", "|---|---|---:|---:|"]
    width = results["constants"]["width"]
    for kind, told in KINDS.items():
        for group in GROUPS:
            at = [one for _, one in _ratios(results, group, kind)]
            if at:
                count = f"{sum(one > width for one in at)} of {len(at)}"
                rows.append(f"| {told} | {group} | {count} | {min(at) / width:.3g} |")
    return rows


def _cases(results: Results) -> list[str]:
    rows = [
        "| case | group | nodes | layers | bound / scale | top-1 decided | right devices / B "
        "| OpenVINO default / B | one bf16 layer / B | bounds made in |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    return rows + [_row(results, case) for case in results["cases"]]


def _row(results: Results, case: Mapping[str, Any]) -> str:
    width = results["constants"]["width"]
    devices: Mapping[str, Mapping[str, Any]] = case["devices"]
    right = [ratio(results, devices[label]) for label in RIGHT if label in devices]
    largest = max((one for one in right if one is not None), default=None)
    layers = [
        ratio(results, entry) for label, entry in devices.items() if label[:10] == "bf16 layer"
    ]
    smallest = min((one for one in layers if one is not None), default=None)
    default = devices.get("openvino default", {})
    shown = ratio(results, default)
    cells = [
        case["case"].removeprefix("models/"),
        group_of(case),
        str(case["nodes"]),
        str(case["layers"]),
        _worst(case["outputs"], "share", max),
        _worst(_flat(case["outputs"]), "decided", min),
        _number(largest, width),
        "not run" if shown is None else _number(shown, width),
        _number(smallest, width),
        f"{case['seconds']:.1f} s",
    ]
    return f"| {' | '.join(cells)} |"


def _worst(outputs: Sequence[Mapping[str, Any]], name: str, choose: Any) -> str:
    values = [output[name] for output in outputs if name in output]
    return f"{choose(values):.2g}" if values else ""


def group_of(case: Mapping[str, Any]) -> Group:
    """Which group a case counts in."""
    if case["case"].removeprefix("models/") in NEW:
        return "new"
    return "validated" if case["half"] == "validated" else "chosen"


def _flat(outputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [output for output in outputs if len(output["shape"] or ()) <= _FLAT]


def _number(at: float | None, width: float) -> str:
    return "" if at is None else f"{at / width:.3g}"


def written(document: str, results: Results) -> str:
    """The document with the tables between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([f"{before}{BEGIN}", "", *lines(results), "", f"{END}{after}"])


def main(arguments: Sequence[str]) -> int:
    """The command; its exit code."""
    results = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if len(arguments) == 1:
        print("\n".join(lines(results)))
        return 0
    document = Path(arguments[1])
    text = written(document.read_text(encoding="utf-8"), results)
    document.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

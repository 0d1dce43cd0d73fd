"""One model everywhere: two pretrained models on real input, on every target that is named.

    pip install 'onnx-hal[every,examples]'
    python examples/everywhere.py onnxruntime openvino tvm iree tract -o everywhere.json
    python examples/everywhere.py --page everywhere.json > docs/everywhere.md

mobilenetv2 looks at a photograph, MiniLM reads a sentence. Each target runs them by `hal run`,
in a worker process of its own, so that one that crashes costs its own row. An answer is right
where the class is ONNX Runtime's, and no output's cosine with ONNX Runtime's is below 0.999.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pretrained import MINILM, MOBILENET, Fetcher, Pretrained, cosine, keep

import hal
from hal.paths import cache_folder

Array = np.ndarray[Any, np.dtype[Any]]
Record = dict[str, Any]
MODELS = (MOBILENET, MINILM)
JUDGE = "onnxruntime:cpu"
NEAR = 0.999
_LONGEST = 240


class Case:
    """A model with its feeds in files, and what the judge answers."""

    def __init__(self, wanted: Pretrained, fetcher: Fetcher, seconds: float) -> None:
        self.name = wanted.name
        self._path = fetcher.model(wanted)
        self._seconds = seconds
        feeds = wanted.feed(fetcher)
        self._options = keep(fetcher.folder / "feeds" / self.name, feeds)
        for name, length in sorted(_lengths(hal.Model(self._path), feeds).items()):
            self._options += ["--dim", f"{name}={length}"]
        answers, _ = self._run(JUDGE, ())
        if not isinstance(answers, dict):
            raise SystemExit(f"{self.name} on {JUDGE}: {answers}")
        self._right: dict[str, Array] = answers

    def record(self, target: str, more: Sequence[str]) -> Record:
        """What the target answered, or why it did not."""
        answers, told = self._run(target, more)
        if isinstance(answers, str):
            return {"reason": answers}
        near = min(cosine(self._right[name], answers[name]) for name in self._right)
        found, right = (
            int(next(iter(all_.values())).argmax()) for all_ in (answers, self._right)
        )
        return {
            "class": found,
            "cosine": near,
            "right": found == right and near >= NEAR,
            "compile_s": told["compile_s"],
            "run_s": told["run_s"],
        }

    def _run(self, target: str, more: Sequence[str]) -> tuple[dict[str, Array] | str, Record]:
        """The outputs by name with what `hal run` told of the run; or the reason for none."""
        command = [sys.executable, "-m", "hal", "run", str(self._path), "-d", target, "--json"]
        command += ["--timeout", str(self._seconds)]
        with TemporaryDirectory() as folder:
            try:
                done = subprocess.run(
                    [*command, *self._options, *more, "-o", folder],
                    capture_output=True,
                    text=True,
                    timeout=2 * self._seconds + 60,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return f"no answer within {2 * self._seconds + 60:.0f} s", {}
            told: Record = json.loads(done.stdout)
            if "error" in told:
                return _reason(told["error"]), told
            return _outputs(told["outputs"], Path(folder)), told


def _outputs(listed: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Array]:
    return {one["name"]: np.load(folder / one["file"]) for one in listed}


def _lengths(model: hal.Model, feeds: Mapping[str, Array]) -> dict[str, int]:
    """The symbolic dimensions of the inputs, as the feeds have them."""
    return {
        dim: length
        for spec in model.facts.inputs
        for dim, length in zip(spec.shape or (), feeds[spec.name].shape, strict=True)
        if isinstance(dim, str)
    }


def _reason(error: Mapping[str, Any]) -> str:
    text = " ".join(f"{error['kind']}: {error['message']}".split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def measured(targets: Sequence[str], more: Sequence[str], seconds: float, file: Path) -> Record:
    """Both models on all targets, kept in the file after each; rows of others stay there."""
    fetcher = Fetcher(cache_folder() / "pretrained")
    cases = [Case(wanted, fetcher, seconds) for wanted in MODELS]
    kept: Record = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found: Record = {
        "date": date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}",
        "judge": f"{JUDGE} {hal.open(JUDGE).info.sdk}",
        "targets": kept.get("targets", {}),
    }
    for target in targets:
        row: Record = {}
        for case in cases:
            row[case.name] = case.record(target, more)
            print(f"{target:24} {case.name:12} {_cell(row[case.name])}", flush=True)
        found["targets"][target] = row
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def _cell(record: Mapping[str, Any]) -> str:
    if "reason" in record:
        return str(record["reason"])
    verdict = "" if record["right"] else "WRONG: "
    return f"{verdict}class {record['class']}, cosine {record['cosine']:.6f}"


def page(found: Record) -> str:
    """The results as a page."""
    rows: Mapping[str, Record] = found["targets"]
    names = [wanted.name for wanted in MODELS]
    right = [sum(row[name].get("right", False) for row in rows.values()) for name in names]
    both = sum(all(row[name].get("right", False) for name in names) for row in rows.values())
    counts = ", ".join(f"{name} {n}" for name, n in zip(names, right, strict=True))
    lines = [
        "# One model everywhere",
        "",
        "mobilenetv2 looks at a photograph of a cat (class 285 is the Egyptian cat); MiniLM, a",
        "text encoder with a classifier of two classes, reads a sentence. An answer is right",
        f"where the class is that of {found['judge']}, and no output's cosine with its",
        f"output is below {NEAR}. A target that gives no answer says why.",
        "",
        f"{both} of {len(rows)} targets are right on both models ({counts}).",
        "",
        f"Measured on {found['date']}, {found['machine']}, by `examples/everywhere.py`, which",
        "also wrote this page from its results ([everywhere.json](everywhere.json)).",
        "",
        f"| target | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for target, row in rows.items():
        cells = (_cell(row[name]).replace("|", "\\|") for name in names)
        lines.append(f"| {target} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Exit 0 where every target is right or says why it does not answer, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("-o", "--output", type=Path, default=Path("everywhere.json"))
    parser.add_argument("--devices", action="append", default=[], help="a devices.yaml to read")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds to compile, and to run"
    )
    parser.add_argument("--page", type=Path, metavar="JSON", help="print the page of results")
    asked = parser.parse_args()
    if asked.page:
        sys.stdout.write(page(json.loads(asked.page.read_text(encoding="utf-8"))))
        return 0
    more = [word for file in asked.devices for word in ("--devices", file)]
    found = measured(asked.targets, more, asked.timeout, asked.output)
    records = [record for row in found["targets"].values() for record in row.values()]
    return 0 if all(record.get("right", True) for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())

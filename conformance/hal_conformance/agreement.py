"""Whether what a device predicts of a model (`query`) is what compiling it then gives.

    python -m hal_conformance.agreement measure tensorrt-rtx-sm80 --write agreement.json.gz
    python -m hal_conformance.agreement show agreement.json.gz --write docs/tensorrt.md

Measured over the cases of the standard suite. Inputs that steer an operator (axes, pads, ...)
are made constants with the case's values first, for the prediction and the compilation alike.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hal
from hal.device import Device
from hal.errors import DeviceLost, DeviceNotFound, HALError
from hal.model import Model
from hal.specialize import control_inputs, frozen
from hal.tensor import Tensor, Value
from hal_conformance.corpus import Case, Corpus, standard
from hal_conformance.report.document import Marks, write_or_check
from hal_conformance.report.text import code, markdown, table

MARKS = Marks("<!-- agreement:begin -->", "<!-- agreement:end -->")
BUILT = "built"
_NAMED = re.compile(
    r"\b(?:at (?P<op>\w+) )\S+|'[^']*'|\"[^\"]*\"|\b\w+(?=: \w+\[)|(?<=\[)[^][]*(?=\])|"
    r"#?\b\d+\b|\S*_\S*"
)
_LONGEST = 240
_EXAMPLES = 40  # kinds of disagreement that are listed


@dataclass(frozen=True, slots=True)
class Answer:
    """What was predicted and what came of it; `why` is the reason of whichever said no.

    `predicted` is "yes", "no" or the error of asking; `result` "built" or the error's name.
    """

    case: str
    predicted: str
    result: str
    why: str = ""

    @property
    def agrees(self) -> bool:
        return (self.predicted == "yes") == (self.result == BUILT)


def measure(target: str, corpus: Corpus) -> Iterator[Answer]:
    """Ask and compile each case; a worker that dies is replaced."""
    device = hal.open(target, isolated=True)
    try:
        for case in corpus:
            feeds = corpus.load(case)[0].feeds
            model = _frozen(case, feeds)
            predicted, unlike = _asked(device, model)
            result, why = _compiled(device, model, feeds)
            yield Answer(case.id, predicted, result, why or unlike)
            if DeviceLost.__name__ in (predicted, result):
                device.close()
                device = hal.open(target, isolated=True)
    finally:
        device.close()


def _frozen(case: Case, feeds: Mapping[str, Value]) -> Model:
    model = Model(case.model, facts=case.facts, digest=case.model_digest)
    wanted = {name: feeds.get(name) for name in control_inputs(model)}
    values = {name: value.array for name, value in wanted.items() if isinstance(value, Tensor)}
    return frozen(model, {}, values) if values else model


def _asked(device: Device, model: Model) -> tuple[str, str]:
    try:
        support = device.query(model)
    except HALError as error:
        return type(error).__name__, error.message
    said = next((node.reason for node in support.nodes if not node.supported), "")
    return ("yes" if support.complete else "no"), said


def _compiled(device: Device, model: Model, feeds: Mapping[str, Value]) -> tuple[str, str]:
    """A first run is part of it: some compile then. One that finds no device had compiled."""
    try:
        with device.compile(model) as exe:
            exe.run_values({spec.name: feeds[spec.name] for spec in exe.inputs})
    except DeviceNotFound:
        return BUILT, ""
    except HALError as error:
        return type(error).__name__, error.message
    return BUILT, ""


def report(target: str, corpus: Corpus, answers: Sequence[Answer]) -> dict[str, Any]:
    """The measurement as it is kept, with the date and what was measured."""
    with hal.open(target, isolated=True) as device:
        info = device.info
    return {
        "schema": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "target": target,
        "adapter": device.target.adapter,
        "device": info.name,
        "sdk": info.sdk,
        "corpus": {"hash": corpus.hash, "cases": len(corpus)},
        "answers": [asdict(answer) for answer in answers],
    }


def document(found: dict[str, Any]) -> str:
    """The table of agreement, and each kind of disagreement with an example."""
    answers = [Answer(**answer) for answer in found["answers"]]
    agreed = sum(answer.agrees for answer in answers)
    head = (
        f"{markdown(found['adapter'])} {markdown(found['sdk'])}, {markdown(found['device'])}, "
        f"{found['date']}: over {len(answers):,} cases the prediction is right in {agreed:,} "
        f"({100 * agreed / len(answers):.1f} %).\n\n"
    )
    columns = sorted(
        {answer.result for answer in answers}, key=lambda name: (name != BUILT, name)
    )
    counts = Counter((answer.predicted, answer.result) for answer in answers)
    rows = [
        [name, *(f"{counts[name, column]:,}" for column in columns)]
        for name in sorted({answer.predicted for answer in answers}, reverse=True)
    ]
    return head + table(["predicted", *columns], rows) + _groups(answers)


def _groups(answers: Iterable[Answer]) -> str:
    """Disagreements by their reason, in which names and numbers are left out."""
    kinds: dict[tuple[str, str, str], list[str]] = {}
    for answer in answers:
        if not answer.agrees:
            key = (answer.predicted, answer.result, _kind(answer.why))
            kinds.setdefault(key, []).append(answer.case)
    if not kinds:
        return ""
    listed = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        [str(len(cases)), predicted, result, markdown(why), code(cases[0])]
        for (predicted, result, why), cases in listed[:_EXAMPLES]
    ]
    left = len(listed) - len(rows)
    tail = f"\n{left} kinds more.\n" if left else ""
    return "\n" + table(["cases", "predicted", "result", "reason", "one"], rows, 5) + tail


def _kind(why: str) -> str:
    said = _NAMED.sub(lambda named: f"at {named['op']} …" if named["op"] else "…", why)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _written(path: Path, found: dict[str, Any]) -> None:
    text = json.dumps(found, separators=(",", ":")) + "\n"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hal_conformance.agreement")
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="ask and compile every case")
    measuring.add_argument("target")
    measuring.add_argument("--write", type=Path, required=True, metavar="FILE")
    showing = commands.add_parser("show", help="a measurement as Markdown")
    showing.add_argument("file", type=Path)
    showing.add_argument("--write", type=Path, metavar="DOCUMENT")
    showing.add_argument("--check", type=Path, metavar="DOCUMENT")
    options = parser.parse_args(arguments)
    if options.command == "show":
        text = document(_read(options.file))
        return write_or_check(text, MARKS, options.write, options.check)
    corpus = standard()
    answers: list[Answer] = []
    for answer in measure(options.target, corpus):
        answers.append(answer)
        if len(answers) % 100 == 0:
            sys.stderr.write(f"{len(answers)} of {len(corpus)}\n")
    _written(options.write, report(options.target, corpus, answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The journal of a run: what started and what ended, one JSON line each, as it happens.

`journal.jsonl` in the results folder begins with a line that says what the run is (its
subject); then come `target` lines (what was found at each), `start` lines (written before a
case runs), `hold` lines (what it did, where that wants a second opinion) and `end` lines (its
final record). A line is one write() to a file opened for
appending, so it survives kill -9 of this process from the moment the call returns; a line that
the kill tore is cut off when the run is resumed, and its case runs again. Power loss is not
covered: nothing is fsynced before the end.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from hal.errors import InputError
from hal_conformance.runner.lock import NAME as LOCK_NAME
from hal_conformance.runner.lock import FolderLock

NAME = "journal.jsonl"
FORMAT = 1

Key = tuple[str, str]  # target, case
Row = dict[str, Any]  # a CaseRecord as plain data


class Journal:
    """The open journal of one results folder, which it holds for this process alone.

    `ended` has the final record of each finished item, `started` how often each was begun,
    `targets` what was found at each target: all of them as of now, earlier sessions included.
    `held` has what earlier sessions saw of items that did not end: the line, and the history.
    `about` is what the first session said of itself.

    Args:
        folder: the results folder; made where it is absent.
        subject: what this run is: equal subjects may continue each other.
        about: what else to write down of it.
        resume: whether the folder may hold a journal already.

    Raises:
        InputError: the folder is in use, is not empty, or holds another run's journal.
    """

    def __init__(
        self,
        folder: Path,
        subject: Mapping[str, Any],
        *,
        resume: bool,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = folder / NAME
        self.about = _plain(about or {})
        self.ended: dict[Key, Row] = {}
        self.started: Counter[Key] = Counter()
        self.targets: dict[str, Row] = {}
        self.facts: dict[str, Row] = {}  # fingerprints, by target
        self.held: dict[Key, tuple[Row, tuple[str, ...]]] = {}
        self.sessions = 0
        self._ran: dict[str, list[str]] = {}  # case ids by worker
        self._mutex = threading.Lock()
        _make(folder)
        self._lock = FolderLock(folder)
        try:
            self._open(folder, _plain(subject), resume)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, folder: Path, subject: Row, resume: bool) -> None:
        others = sorted(p.name for p in folder.iterdir() if p.name not in {LOCK_NAME, NAME})
        repair(self.path)
        lines = read(self.path)
        known = next(lines, None)
        if known is None and others:
            raise InputError(
                f"{folder} holds {others[0]} but no journal of a run; choose an empty folder"
            )
        if known is not None and not resume:
            raise InputError(
                f"{folder} holds a run already; add --resume to continue it, or choose "
                "another folder with -o"
            )
        if known is not None:
            _refuse_differences(known["subject"], subject, f"the run in {folder}")
            self.about = known["about"]
            self._recall(lines)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path, flags, 0o644)
        if known is None:
            self._append(
                {"kind": "run", "format": FORMAT, "subject": subject, "about": self.about}
            )
        self._append({"kind": "session", "process": os.getpid()})
        self.sessions += 1

    def _recall(self, lines: Iterator[Row]) -> None:
        for line in lines:
            kind = line["kind"]
            if kind == "start":
                self.started[line["target"], line["case"]] += 1
                self._ran.setdefault(line["worker"], []).append(line["case"])
            elif kind == "hold":
                self._recall_held(line)
            elif kind == "end":
                self._end(line["record"])
            elif kind == "target":
                self.targets[line["target"]] = line["found"]
            elif kind == "facts":
                self.facts[line["target"]] = line["facts"]
            elif kind == "session":
                self.sessions += 1

    def _recall_held(self, line: Row) -> None:
        before = self._ran[line["attempt"]["worker"]]
        history = tuple(before[: before.index(line["case"])])
        self.held[line["target"], line["case"]] = (line["attempt"], history)

    def start(self, target: str, case: str, worker: str) -> None:
        """Say that a case is about to run; a worker's name is used in one session only."""
        with self._mutex:
            self.started[target, case] += 1
            self._append({"kind": "start", "target": target, "case": case, "worker": worker})

    def hold(self, target: str, case: str, attempt: Row) -> None:
        """Keep what a case did until it is known whether it does so again."""
        with self._mutex:
            line = {"kind": "hold", "target": target, "case": case, "attempt": attempt}
            self._append(line)

    def end(self, record: Row) -> None:
        """Keep the final record of a case."""
        with self._mutex:
            self._end(record)
            self._append({"kind": "end", "record": record})

    def _end(self, record: Row) -> None:
        key = (record["target"], record["case"])
        if key in self.ended:
            raise InputError(f"{self.path} has two final records of {key[1]} on {key[0]}")
        self.ended[key] = record

    def target(self, name: str, found: Mapping[str, Any]) -> None:
        """Keep what was found at a target.

        Raises:
            InputError: an earlier session of this run found something else there.
        """
        with self._mutex:
            plain = _plain(found)
            if name in self.targets:
                _refuse_differences(self.targets[name], plain, f"the device at {name}")
                return
            self.targets[name] = plain
            self._append({"kind": "target", "target": name, "found": plain})

    def fingerprint(self, target: str, facts: Mapping[str, str]) -> None:
        """Keep what arithmetic a target was found to have, as of now."""
        with self._mutex:
            self.facts[target] = dict(facts)
            self._append({"kind": "facts", "target": target, "facts": dict(facts)})

    def _append(self, line: Row) -> None:
        data = (json.dumps(line, separators=(",", ":")) + "\n").encode()
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Make it durable and let the folder go."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._lock.release()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error


def repair(path: Path) -> int:
    """Cut a torn last line off; returns how many bytes were cut."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    return len(data) - whole


def read(path: Path) -> Iterator[Row]:
    """The lines of a journal; nothing where there is none.

    Raises:
        InputError: a line is not JSON, or the file is not a journal.
    """
    if not path.exists():
        return
    with path.open("rb") as stream:
        for number, text in enumerate(stream, 1):
            try:
                line = json.loads(text)
            except ValueError as error:
                raise InputError(f"{path}:{number} is damaged: {error}") from error
            if number == 1 and (line.get("kind") != "run" or line.get("format") != FORMAT):
                raise InputError(f"{path} is not a journal of format {FORMAT}")
            yield line


def _refuse_differences(then: Row, now: Row, what: str) -> None:
    differing = list(differences(then, now))
    if differing:
        raise InputError(
            f"{what} was another one: {'; '.join(differing)}. "
            "Repeat the first command to resume it, or choose another folder with -o"
        )


def differences(then: Row, now: Row) -> Iterator[str]:
    """Where two pieces of plain data differ, a sentence each."""
    old, new = _flat(then), _flat(now)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name} was {_short(old.get(name))}, now {_short(new.get(name))}"


def _flat(data: Row, prefix: str = "") -> Row:
    flat: Row = {}
    for name, value in data.items():
        if isinstance(value, dict):
            flat |= _flat(cast("Row", value), f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(data: Mapping[str, Any]) -> Row:
    """The data as it will read when it comes back from JSON."""
    plain: Row = json.loads(json.dumps(data))
    return plain

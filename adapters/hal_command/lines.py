"""A target's two command lines: what it writes down of them, and what their ends mean.

A line that is a text is run by `sh -c`, with placeholders quoted for it; a list is run as it
stands. How a command ends says what happened:

    0            done
    69           a clean no (EX_UNAVAILABLE); so is any other failure that says one of the
                 target's `unsupported` patterns
    124          too slow: what `timeout` of coreutils gives
    a signal     a crash: the command's own, or 128 + its number, as shells tell it
    any other    a failure; the end of what it printed is in the error
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hal import dtypes, exchange, tools
from hal.adapter import refuse_options
from hal.errors import (
    CompileError,
    DeviceLost,
    ExecutionError,
    HALError,
    InputError,
    Unsupported,
    signal_name,
)

UNSUPPORTED, TIMED_OUT = 69, 124
_KINDS: Mapping[str, tuple[type, ...]] = {
    "compile": (str, list),
    "run": (str, list),
    "artifact": (str,),
    "files": (list,),
    "dtypes": (list,),
    "unsupported": (list,),
    "static": (bool,),
    "tensors_only": (bool,),
}


@dataclass(frozen=True)
class Lines:
    """What a target's `vendor` options say.

    `compile` and `run` are the lines; `artifact` is the name of what the first makes, a file or
    a folder; `files` are the forms inputs are written in, as `hal.exchange` has them; `dtypes`
    are the types it takes (empty: all), `unsupported` regular expressions for a clean no.
    With `static`, a model with open dimensions is compiled for the shapes it is fed; with
    `tensors_only`, inputs that are sequences, maps or optionals are refused.
    """

    compile: str | list[str]
    run: str | list[str]
    artifact: str = "artifact"
    files: tuple[str, ...] = exchange.FORMS
    dtypes: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    static: bool = False
    tensors_only: bool = False

    @classmethod
    def of(cls, vendor: Mapping[str, Any]) -> Lines:
        """The lines that the options give.

        Raises:
            InputError: one is missing, unknown, or of a wrong type.
        """
        refuse_options(vendor, _KINDS)
        for name, value in vendor.items():
            if not isinstance(value, _KINDS[name]):
                raise InputError(f"options.vendor.{name} cannot be {value!r}")
        for name, needed in (("compile", "{model}"), ("run", "{outputs}")):
            if needed not in str(vendor.get(name, "")):
                raise InputError(
                    f"this target needs options.vendor.{name}: a command line with {needed} "
                    "in it; the README of hal_command shows one"
                )
        listed = ("files", "dtypes", "unsupported")
        given: dict[str, Any] = {k: tuple(v) if k in listed else v for k, v in vendor.items()}
        made = cls(**given)
        exchange.check_forms(made.files)
        for name in made.dtypes:
            dtypes.of_name(name)
        return made

    def call(self, step: str, places: Mapping[str, Path], folder: Path, threads: int) -> None:
        """Run the line of a step ("compile", "run") in a folder, and wait for its end.

        Raises:
            Unsupported: a clean no. DeviceLost: a crash, or too slow.
            CompileError, ExecutionError: any other failure, by the step.
        """
        words = _filled(getattr(self, step), places)
        env = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        try:
            ended = tools.run(words, f"the {step} command", folder=folder, env=env)
        except OSError as error:
            raise InputError(f"the {step} command cannot be started: {error}") from error
        if ended.status:
            out, err = tools.end_of(ended.out), tools.end_of(ended.err)
            raise self._failure(step, ended.status, out, err)

    def _failure(self, step: str, code: int, out: str, err: str) -> HALError:
        said = err or out
        if 128 < code <= 192:  # as shells tell it; an end of the command's own is told already
            signal = code - 128
            told = f"the {step} command was ended by {signal_name(signal)}"
            return DeviceLost(told, signal=signal, stderr=said)
        if code == TIMED_OUT:
            return DeviceLost(f"the {step} command took too long", timed_out=True, stderr=said)
        if code == UNSUPPORTED or any(re.search(p, f"{out}\n{err}") for p in self.unsupported):
            return Unsupported(said or f"the {step} command exits with {UNSUPPORTED}")
        kind = CompileError if step == "compile" else ExecutionError
        return kind(f"the {step} command exits with {code}: {said or 'it printed nothing'}")


def _filled(line: str | list[str], places: Mapping[str, Path]) -> list[str]:
    """The words to run; braces that are no placeholder's are the shell's."""
    pattern = re.compile("{(" + "|".join(places) + ")}")
    if isinstance(line, str):
        text = pattern.sub(lambda found: shlex.quote(str(places[found[1]])), line)
        return ["sh", "-c", text]
    return [pattern.sub(lambda found: str(places[found[1]]), word) for word in line]

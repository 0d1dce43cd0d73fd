"""`hal conform --ep-library`: a plugin of ONNX Runtime as a target, from the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from hal import targets
from hal.errors import InputError
from hal.targets import Target

ADAPTER = "onnxruntime-ep"


@dataclass(frozen=True)
class Plugin:
    """What the three options say: a library or the module that ships it, its name, options."""

    library: str
    name: str | None
    options: tuple[tuple[str, str], ...]

    @classmethod
    def parse(
        cls, library: str | None, name: str | None, options: Iterable[str]
    ) -> Self | None:
        """The plugin that was asked for, if one was.

        Raises:
            InputError: there is no library for what was said, or an option is not K=V.
        """
        pairs = tuple(_pair(option) for option in options)
        if library is not None:
            return cls(library, name, pairs)
        if name is not None or pairs:
            given = "--ep-name" if name is not None else "--option"
            raise InputError(f"{given} says something of a plugin; name it with --ep-library")
        return None

    def target(self) -> Target:
        """The target: named ad hoc, so that its name says what it is.

        Raises:
            InputError: there is no file at the library's path.
        """
        library = self.library
        path = Path(library)
        if path.suffix or path.name != library:
            if not path.is_file():
                raise InputError(f"--ep-library {library}: there is no such file")
            library = str(path.resolve())
        device = f"{library}#{self.name}" if self.name else library
        target = targets.ad_hoc(f"{ADAPTER}:{device}")
        vendor = {"provider_options": dict(self.options)}
        return replace(target, options=replace(target.options, vendor=vendor))

    def words(self) -> Sequence[str]:
        """The same on a command line."""
        words = ["--ep-library", self.library]
        words += ["--ep-name", self.name] if self.name else []
        return words + [w for k, v in self.options for w in ("--option", f"{k}={v}")]


def _pair(option: str) -> tuple[str, str]:
    key, equals, value = option.partition("=")
    if not (key and equals):
        raise InputError(f"--option {option!r} is not K=V, such as backend_type=htp")
    return key, value

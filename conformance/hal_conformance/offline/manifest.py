"""`corpus.json` of an exported bundle: which cases are in it, of which corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hal.errors import InputError
from hal_conformance.records import CorpusInfo
from hal_conformance.runner.plan import Selection

NAME = "corpus.json"


class Listed(BaseModel):
    """One case: its folder is its id; `hash` covers model, feeds and what is expected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    hash: str
    suite: str
    data_sets: int
    ops: list[str] = Field(default_factory=list[str])
    dtypes: list[str] = Field(default_factory=list[str])
    inputs: list[str] = Field(default_factory=list[str])
    outputs: list[str] = Field(default_factory=list[str])


class Manifest(BaseModel):
    """The bundle; `answers` says whether what is expected lies in it too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(default=1, alias="schema")
    onnx_hal: str
    arithmetic: str
    answers: bool
    suites: list[str]
    k: list[str] | None = None
    sample: int | None = None
    corpus: dict[str, CorpusInfo]
    cases: list[Listed]

    @property
    def selection(self) -> Selection:
        """What of the suites the bundle holds."""
        return Selection(tuple(self.suites), patterns=tuple(self.k or ()), sample=self.sample)

    def write(self, folder: Path) -> None:
        """Write it into the bundle's folder."""
        text = self.model_dump_json(by_alias=True, indent=1)
        (folder / NAME).write_text(text + "\n", encoding="utf-8")


def read(place: Path) -> Manifest:
    """The manifest in a folder, or at a path.

    Raises:
        InputError: there is none, or it is none of this version's.
    """
    path = place / NAME if place.is_dir() else place
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"no bundle at {place} ({error.strerror}: {path}); name the folder that "
            "`hal corpus export` wrote, or its corpus.json, with --bundle"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise InputError(f"{path}: {where}: {first['msg']}") from error

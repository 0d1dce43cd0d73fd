"""The catalogue of hardware makers: how an ONNX model reaches their devices, and who saw it.

`vendors.yaml` beside this file is the catalogue; the models below are its schema. A path is
`verified`, `simulator` or `compiles` only where `evidence` names committed results of it
(`python -m hal_conformance.report.vendors` compares the two); otherwise it is `declared`, and
`source` says by whom.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML

from hal.errors import InputError

FILE = Path(__file__).with_name("vendors.yaml")

Status: TypeAlias = Literal["verified", "simulator", "compiles", "declared"]
STATUSES: tuple[Status, ...] = get_args(Status)

MEANING: dict[Status, str] = {
    "verified": "verified here",
    "simulator": "runs in a simulator",
    "compiles": "compiles here",
    "declared": "declared",
}

Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """No unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Evidence(Strict):
    """The committed results that show a path."""

    results: Text
    """A folder of docs/results."""
    target: Text
    """The target in it."""
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    """When the run began."""
    versions: Text
    """What ran: the device as the run's header has it, and its SDK."""


class Way(Strict):
    """One path by which an ONNX model reaches a family of devices."""

    devices: Annotated[list[Text], Field(min_length=1)]
    """Families of devices, in the maker's words."""
    through: Text
    """The package, execution provider or compiler."""
    use: Text
    """What to name to onnx-hal."""
    needs: Text
    """What must be there first."""
    status: Status = "declared"
    """Who has seen it work."""
    evidence: Evidence | None = None
    """The results, where it is not merely declared."""
    source: Text | None = None
    """Where the maker says so."""

    @model_validator(mode="after")
    def _shown(self) -> Way:
        if self.status != "declared" and self.evidence is None:
            raise ValueError(f"a path is {self.status!r} by results only: give its evidence")
        if self.status == "declared" and (self.evidence is not None or self.source is None):
            raise ValueError("a declared path has a source, and no evidence")
        return self

    @property
    def seen(self) -> str:
        """Its status in words, with the date and versions of the evidence."""
        words = MEANING[self.status]
        return (
            f"{words} ({self.evidence.date}, {self.evidence.versions})"
            if self.evidence
            else words
        )


class Maker(Strict):
    """A maker of hardware."""

    name: Text
    paths: Annotated[list[Way], Field(min_length=1)]


class Catalogue(Strict):
    """The whole file."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    makers: list[Maker]

    @model_validator(mode="after")
    def _ordered(self) -> Catalogue:
        names = [maker.name.lower() for maker in self.makers]
        for before, after in pairwise(names):
            if before >= after:
                raise ValueError(f"{after!r} does not stand after {before!r} in the alphabet")
        return self


@lru_cache(maxsize=1)
def load(path: Path = FILE) -> Catalogue:
    """The catalogue.

    Raises:
        InputError: the file breaks the schema; the message says where.
    """
    yaml: Any = YAML(typ="safe")  # ruamel.yaml's loaders are not annotated
    try:
        return Catalogue.model_validate(yaml.load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path.name}: {place}: {first['msg']}") from error

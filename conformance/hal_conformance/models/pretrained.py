"""A model in a package, and what it is fed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hal_conformance.models.answers import Read
from hal_conformance.models.inputs import Feed
from hal_conformance.models.packages import Packages


@dataclass(frozen=True)
class Input:
    """One real input of a model; `right` is what `read` finds in right outputs."""

    name: str
    feed: Feed
    read: Read | None = None
    right: str | None = None


@dataclass(frozen=True)
class Pretrained:
    """A model in a package."""

    name: str
    package: str
    file: str
    sha256: str
    inputs: tuple[Input, ...]

    @property
    def half(self) -> Literal["chosen", "validated"]:
        """By the file's hash: the first digit even or odd."""
        return "validated" if int(self.sha256[0], 16) % 2 else "chosen"

    def path(self, packages: Packages) -> Path:
        """Where the model lies, its hash checked."""
        return packages.path(self.package, self.file, self.sha256)

"""A model as this package sees it: a path with its external data, or bytes; parsed lazily.

A protobuf message stops at 2 GB, so weights of large models lie in files beside the model, and
a `Model` is never parsed with them: `facts` and `proto` read the graph alone. Paths of external
data that leave the model's folder are refused, symbolic links included.
The class loads with the standard library alone; `onnx` is imported by `facts` and `proto`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hal.errors import InputError
from hal.spec import ModelFacts

if TYPE_CHECKING:
    import onnx


class Model:
    """One ONNX model, by path or as bytes.

    Args:
        source: a path to an .onnx file, or the bytes of one.
        folder: where the external data of a model given as bytes lies.
        facts: what is known of it already, where somebody else has read it.

    Raises:
        InputError: the path is not a file.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes | bytearray | memoryview,
        *,
        folder: str | os.PathLike[str] | None = None,
        facts: ModelFacts | None = None,
        digest: str | None = None,
    ) -> None:
        self.path: Path | None = None
        self._data: bytes | None = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._data = bytes(source)
        else:
            self.path = Path(source)
            if not self.path.is_file():
                raise InputError(f"no model at {self.path}: it is not a file")
        self.folder: Path | None = Path(folder) if folder is not None else None
        if self.path is not None and self.folder is None:
            self.folder = self.path.parent
        if facts is not None:
            self.__dict__["facts"] = facts
        if digest is not None:
            self.__dict__["digest"] = digest

    def bytes(self) -> bytes:
        """The model file's bytes, without external data; read anew each time for a path."""
        if self._data is not None:
            return self._data
        return Path(self.path or "").read_bytes()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the model file, and of its external files where it has any."""
        hashed = hashlib.sha256(self.bytes())
        for path in self.external_paths():
            hashed.update(_digest_of_file(path))
        return hashed.hexdigest()

    @cached_property
    def facts(self) -> ModelFacts:
        """What can be told without running it.

        Raises:
            InputError: the bytes are not an ONNX model, or its external data leaves its folder
                or is not there.
        """
        from hal.inspection import facts_of

        found = facts_of(self.proto())
        self._check_external(found.external)
        return found

    def proto(self) -> onnx.ModelProto:
        """The parsed message, without external data; a new one each time.

        Raises:
            InputError: the bytes are not an ONNX model.
        """
        from hal.inspection import parse

        return parse(self.bytes(), str(self.path or "the given bytes"))

    def whole(self) -> onnx.ModelProto:
        """The parsed message with the weights that lie in files of their own; a new one.

        Raises:
            InputError: the bytes are not an ONNX model, or its weights are not in its folder.
        """
        proto = self.proto()
        if self.facts.external:
            from onnx.external_data_helper import load_external_data_for_model

            load_external_data_for_model(proto, str(self.folder))
        return proto

    def external_paths(self) -> Iterator[Path]:
        """The files the weights lie in, absolute."""
        for name in self.facts.external:
            yield (Path(self.folder or "") / name).resolve()

    def _check_external(self, names: tuple[str, ...]) -> None:
        if not names:
            return
        if self.folder is None:
            raise InputError(
                f"the model keeps weights in {names[0]!r}, but was given as bytes without a "
                "folder; pass folder=..., or load it by its path"
            )
        root = self.folder.resolve()
        for name in names:
            target, is_file = _place(self.folder, name)
            if os.path.isabs(name) or not target.is_relative_to(root):
                raise InputError(
                    f"external data {name!r} leaves the model's folder {root}; "
                    "move the file beside the model"
                )
            if not is_file:
                raise InputError(f"external data {name!r} is not in {root}")

    def __repr__(self) -> str:
        return (
            f"Model({str(self.path)!r})" if self.path else f"Model({len(self.bytes())} bytes)"
        )


def _place(folder: Path, name: str) -> tuple[Path, bool]:
    """Where `name` leads from `folder`, links followed, and whether a file is there."""
    try:
        target = (folder / name).resolve()
        return target, target.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, a NUL
        raise InputError(f"external data {name!r} cannot be a file: {error}") from error


def _digest_of_file(path: Path) -> bytes:
    hashed = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            hashed.update(chunk)
    return hashed.digest()

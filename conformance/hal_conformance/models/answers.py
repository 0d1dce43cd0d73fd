"""What a network's outputs say, in words that a person can check."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import onnx

from hal_conformance.models.inputs import LETTERS
from hal_conformance.models.packages import Packages
from hal_conformance.numerics.arithmetic import Array

Read: TypeAlias = Callable[[Packages, Sequence[Array]], str]


def top_class(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
    """The number of the most probable class."""
    return f"class {int(outputs[0].argmax())}"


def chosen(names: Sequence[str], output: int = 0) -> Read:
    """The name of the most probable class."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
        return names[int(outputs[output].argmax())]

    return read


def file_type(package: str, config: str) -> Read:
    """The name of the most probable type of a file."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:
        names = json.loads(packages.bytes_of(package, config))["target_labels_space"]
        return str(names[int(outputs[0].argmax())])

    return read


def letters(package: str, file: str) -> Read:
    """Text, letter by letter (connectionist temporal classification)."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:
        proto = onnx.ModelProto.FromString(packages.bytes_of(package, file))
        listed = next(p.value for p in proto.metadata_props if p.key == "character")
        alphabet = ["", *listed.split("\n"), " "]
        return decoded(outputs[0][0].argmax(1).tolist(), alphabet)

    return read


def decoded(ids: Sequence[int], alphabet: Sequence[str]) -> str:
    """Numbers to text: repetitions are one, and number 0 is nothing."""
    before = [0, *ids[:-1]]
    kept = [k for k, last in zip(ids, before, strict=True) if k not in (0, last)]
    return "".join(alphabet[k] for k in kept)


def formula(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
    """Digits and signs, as pmsh-ocr's vocabulary has them."""
    alphabet = ["", *"0123456789.-<=>", "\\frac", "{", "}"]
    return decoded([int(k) for k in outputs[0][0]], alphabet)


def written(package: str, module: str, charset: str) -> Read:
    """Text, letter by letter, in the order of a package's own list."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:
        tree = ast.parse(packages.bytes_of(package, module))
        assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
        listed = next(n.value for n in assigned if ast.unparse(n.targets[0]) == charset)
        best: list[int] = np.ravel(outputs[0].argmax(-1)).tolist()
        return decoded(best, ast.literal_eval(listed))

    return read


def speech_share(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
    """How many of the frames are speech."""
    return f"{int((outputs[0] > 0.5).sum())} frames of speech"


def pronounced(word: str) -> Read:
    """A word with the sounds that its masked letters have."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
        best: list[int] = outputs[0][0].argmax(1).tolist()
        said = [LETTERS[best[k]] if c == "e" else c for k, c in enumerate(word)]
        return "".join(said)

    return read


def nearest(output: int) -> Read:
    """Which two of three sentences are nearest, by the cosine of their vectors."""

    def read(packages: Packages, outputs: Sequence[Array]) -> str:  # noqa: ARG001  one form
        vectors = outputs[output].astype(np.float64)
        vectors = vectors.mean(1) if vectors.ndim == 3 else vectors
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = np.triu(unit @ unit.T, 1)
        first, second = np.unravel_index(int(cosines.argmax()), cosines.shape)
        return f"{first} and {second}"

    return read

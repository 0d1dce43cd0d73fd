"""What a command feeds a model: arrays from .npy files, or random ones of the right type.

Loads with NumPy alone: `hal bench` uses it inside a worker.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from hal import dtypes
from hal.cli.arrays import read_npy
from hal.errors import InputError
from hal.spec import TensorSpec
from hal.tensor import Array

Shape: TypeAlias = tuple[int, ...]

_RANGES: Mapping[int, tuple[int, int]] = {2: (0, 2), 4: (0, 8), 8: (0, 128), 16: (0, 1000)}
"""Random integers by width, the end excluded. Wider ones are 0 or 1: in real models they are
indices, masks and lengths, for which larger numbers are out of range."""
_WORDS = ("a", "bc", "def", "", "éè")


@dataclass(frozen=True)
class Plan:
    """Where each input comes from, as the user said it.

    `files` are .npy files and `constants` numbers by input name; every other input is random.
    Its shape is that of `shapes` where it is not None, else the model's, with `dims` for
    symbolic dimensions and 1 for what is open.
    """

    files: Mapping[str, Path] = field(default_factory=dict[str, Path])
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    shapes: Mapping[str, Shape | None] = field(default_factory=dict[str, Shape | None])
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    seed: int = 0

    @classmethod
    def parse(cls, inputs: Sequence[str], dims: Sequence[str], seed: int) -> Plan:
        """From the words of `-i` and `--dim`.

        Raises:
            InputError: a word has another form.
        """
        files: dict[str, Path] = {}
        constants: dict[str, float] = {}
        shapes: dict[str, Shape | None] = {}
        for word in inputs:
            name, equals, source = word.rpartition("=")
            kind, colon, shape = source.partition(":")
            if kind == "random" and (name or not (equals or colon)):
                if name:
                    shapes[name] = _shape(word, shape) if colon else None
            elif name and (number := _number(source)) is not None:
                constants[name] = number
            elif name and source:
                files[name] = Path(source)
            else:
                raise InputError(
                    f"-i {word!r} is none of NAME=FILE.npy, NAME=1.5, NAME=random, "
                    "NAME=random:2x3, random"
                )
        return cls(files, constants, shapes, dict(map(_dim, dims)), seed)

    def to_json(self) -> dict[str, Any]:
        return {
            "files": {name: str(path.resolve()) for name, path in self.files.items()},
            "constants": dict(self.constants),
            "shapes": dict(self.shapes),
            "dims": dict(self.dims),
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        return cls(
            {name: Path(path) for name, path in data["files"].items()},
            dict(data["constants"]),
            {name: shape and tuple(shape) for name, shape in data["shapes"].items()},
            dict(data["dims"]),
            int(data["seed"]),
        )

    def source(self, name: str) -> str:
        """In words, where the input of that name comes from."""
        if name in self.constants:
            return "given"
        return str(self.files[name]) if name in self.files else f"random, seed {self.seed}"

    def feeds(self, inputs: Sequence[TensorSpec]) -> dict[str, Any]:
        """An array (or list, for a sequence) for every input.

        Raises:
            InputError: a file is missing or not an array, a name is no input's, an input's rank
                is unknown or it is a map.
        """
        self._check_names(inputs)
        return {spec.name: self._feed(spec) for spec in inputs}

    def guessed(self, inputs: Sequence[TensorSpec]) -> list[str]:
        """Random inputs with a length that nobody gave, and the shape they have."""
        return [
            f"{spec.name} is {'x'.join(map(str, self._shape_of(spec)))}"
            for spec in inputs
            if spec.name not in self.files
            and self.shapes.get(spec.name) is None
            and any(
                not isinstance(dim, int) and dim not in self.dims for dim in spec.shape or ()
            )
        ]

    def _feed(self, spec: TensorSpec) -> Any:
        if spec.name in self.files:
            return read_npy(self.files[spec.name], spec)
        if "map" in spec.containers:
            raise InputError(
                f"input {spec} is a map; no command can feed one, use the Python API"
            )
        rng = np.random.default_rng([self.seed, zlib.crc32(spec.name.encode())])
        given = self.shapes.get(spec.name)
        shape = self._shape_of(spec) if given is None else given
        if spec.name in self.constants:
            return constant_array(spec, shape, self.constants[spec.name])
        if "sequence" in spec.containers:
            return [random_array(spec.dtype, shape, rng) for _ in range(2)]
        return random_array(spec.dtype, shape, rng)

    def _shape_of(self, spec: TensorSpec) -> Shape:
        if spec.shape is None:
            if spec.containers:
                return (2, 3)
            raise InputError(
                f"the model does not say the rank of input {spec.name!r}; give it with "
                f"-i {spec.name}=random:2x3, or -i {spec.name}=FILE.npy"
            )
        return tuple(
            dim if isinstance(dim, int) else self.dims.get(dim or "", 1) for dim in spec.shape
        )

    def _check_names(self, inputs: Sequence[TensorSpec]) -> None:
        known = {spec.name for spec in inputs}
        unknown = [
            name for name in (*self.files, *self.constants, *self.shapes) if name not in known
        ]
        if unknown:
            takes = "; ".join(map(str, inputs)) or "no inputs"
            raise InputError(f"no input {unknown[0]!r}; this model takes {takes}")


def random_array(dtype: str, shape: Shape, rng: np.random.Generator) -> Array:
    """Random values of an ONNX type: standard normal floats, small integers, short words."""
    kind = dtypes.of_name(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype == "string":
        words = np.array(_WORDS, dtype=object)
        return np.asarray(words[rng.integers(0, len(_WORDS), shape)], dtype=object)
    if dtype.startswith("complex"):
        real, imaginary = rng.standard_normal(shape), rng.standard_normal(shape)
        return np.asarray(real + 1j * imaginary, dtype=kind.numpy)
    if "int" in dtype:
        low, high = _RANGES.get(kind.bits, (0, 2))
        return rng.integers(low, high, shape).astype(kind.numpy)
    values = np.asarray(rng.standard_normal(shape))
    if dtype == "float8e8m0":  # powers of two: it has neither zero nor a sign
        values = np.exp2(np.round(values))
    return values.astype(kind.numpy)


def constant_array(spec: TensorSpec, shape: Shape, number: float) -> Array:
    """The number everywhere, in the input's type.

    Raises:
        InputError: the type cannot hold it.
    """
    kind = dtypes.of_name(spec.dtype)
    if spec.dtype != "string":
        with np.errstate(all="ignore"):
            array = np.full(shape, number, np.float64).astype(kind.numpy)
        if "int" not in spec.dtype or (array.astype(np.float64) == number).all():
            return array
    raise InputError(f"input {spec} cannot hold {number:g}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _shape(word: str, text: str) -> Shape:
    try:
        shape = tuple(int(length) for length in text.split("x"))
    except ValueError:
        shape = (-1,)
    if min(shape) < 0:
        raise InputError(f"-i {word!r} has no shape after random:, such as 1x3x224x224")
    return shape


def _dim(word: str) -> tuple[str, int]:
    name, _, length = word.rpartition("=")
    if not (name and length.isdecimal()):
        raise InputError(f"--dim {word!r} is not NAME=N, such as batch=1")
    return name, int(length)

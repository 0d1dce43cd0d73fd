"""corpus.lock: what is frozen, a line a case.

    ops/Abs/13/float32/special 5f0c... 3a1b9c02 0x1.8p+3 -0x1.2p-4

The id, the first 16 digits of the case's hash, and a sketch of its references: a checksum of
what is not floating point (and of where that is no number), the sum of the magnitudes of what
is, and a sum with signs drawn from positions. NumPy's vector paths and BLAS libraries move the
last bits of float64 results from one machine to another, so that sums are compared to 2^-40 of
the magnitudes and everything else exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hal_conformance.frozen.question import Known, Question
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Pair, Quantity, Table

DIGITS = 16
CLOSE = 2.0**-40
FOLDER = Path(__file__).parent / "locks"
"""A file a suite: ops.lock, graphs.lock."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of a case's references."""

    checksum: str
    magnitude: float
    signed: float

    def agrees(self, other: Sketch) -> bool:
        """Whether both are of the same references, up to 2^-40 of their magnitude."""
        allowed = CLOSE * max(self.magnitude, other.magnitude)
        return (
            self.checksum == other.checksum
            and abs(self.magnitude - other.magnitude) <= allowed
            and abs(self.signed - other.signed) <= allowed
        )

    def __str__(self) -> str:
        return f"{self.checksum} {self.magnitude.hex()} {self.signed.hex()}"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A line of the lock."""

    id: str
    hash: str
    sketch: Sketch

    @classmethod
    def of(cls, question: Question, known: Sequence[Known]) -> Frozen:
        """The line of a case; `known` is what is known of it under float32."""
        quantities = [quantity for each in known for quantity in each.expected]
        return cls(
            question.id, question.hash.removeprefix("sha256:")[:DIGITS], sketch(quantities)
        )

    @classmethod
    def parse(cls, line: str) -> Frozen:
        """The line as it is written."""
        name, digits, checksum, magnitude, signed = line.split(" ")
        numbers = float.fromhex(magnitude), float.fromhex(signed)
        return cls(name, digits, Sketch(checksum, *numbers))

    def __str__(self) -> str:
        return f"{self.id} {self.hash} {self.sketch}"


def sketch(quantities: Iterable[Quantity]) -> Sketch:
    """The sketch of references, in their order."""
    hashed = hashlib.sha256()
    magnitude = signed = 0.0
    for number, pair in enumerate(_pairs(quantities)):
        shape = np.shape(pair.value)
        hashed.update(f"{number} {pair.dtype} {shape}\0".encode())
        value: Array = np.asarray(pair.value)
        if not (pair.is_float or np.iscomplexobj(value)):
            hashed.update(_exactly(value))
            continue
        parts: list[Array] = (
            [np.real(value), np.imag(value)] if np.iscomplexobj(value) else [value]
        )
        for part in parts:
            finite = np.isfinite(part)
            special = np.where(np.isnan(part), 2, np.where(finite, 0, np.sign(part)))
            hashed.update(special.astype(np.int8).tobytes())
            size, total = _sums(np.where(finite, part, 0.0).ravel())
            magnitude, signed = magnitude + size, signed + total
    return Sketch(hashed.hexdigest()[:8], magnitude, signed)


def _sums(values: Array) -> tuple[float, float]:
    """The magnitudes' sum, and that of the values under signs drawn from their positions."""
    if not values.size:
        return 0.0, 0.0
    values = values.astype(np.float64)
    if float(np.abs(values).max()) > 2.0**960:  # a sum of such numbers overflows
        values = values * 2.0**-64
    mixed = np.arange(values.size, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    signs = 1.0 - 2.0 * ((mixed >> np.uint64(40)) & np.uint64(1)).astype(np.float64)
    return float(np.abs(values).sum()), float((values * signs).sum())


def _exactly(value: Array) -> bytes:
    if value.dtype.kind != "O":
        return value.tobytes()
    return "\0".join(str(item) for item in value.ravel().tolist()).encode()


def _pairs(quantities: Iterable[Quantity]) -> Iterator[Pair]:
    for quantity in quantities:
        if isinstance(quantity, Pair):
            yield quantity
        elif isinstance(quantity, Table):
            yield from (quantity.keys, quantity.values)
        elif quantity is not None:
            yield from _pairs(quantity)


def path_of(suite: str) -> Path:
    """Where the lock of a suite lies."""
    return FOLDER / f"{suite}.lock"


def read(suite: str) -> Mapping[str, Frozen]:
    """The lines of a suite's lock by case, in the order of the file."""
    lines = path_of(suite).read_text("ascii").splitlines()
    found = (Frozen.parse(line) for line in lines if not line.startswith("#"))
    return {frozen.id: frozen for frozen in found}


def write(suite: str, frozen: Sequence[Frozen]) -> str:
    """Freeze these cases.

    Returns:
        The hash of the corpus.
    """
    whole = hash_of(frozen)
    head = f"# the corpus {suite}: {len(frozen)} cases, {whole}\n"
    FOLDER.mkdir(exist_ok=True)
    text = head + "".join(f"{line}\n" for line in frozen)
    path_of(suite).write_text(text, "ascii")
    return whole


def hash_of(frozen: Iterable[Frozen]) -> str:
    """One hash for a corpus: over the ids and hashes of its cases, whatever their order."""
    told = "\n".join(sorted(f"{line.id} {line.hash}" for line in frozen))
    return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"

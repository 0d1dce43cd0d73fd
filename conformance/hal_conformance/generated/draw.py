"""Numbers for inputs that hash identically everywhere: integers, and what they give exactly.

SplitMix64 (Steele, Lea and Flood 2014) as a function of a counter: element k of a stream is
mix(seed + k * golden). Floating point comes from integers by multiplying with powers of two and
by IEEE rounding alone; no function of libm is called.
"""

from __future__ import annotations

import hashlib

import numpy as np

from hal_conformance.numerics.arithmetic import Array

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Draw:
    """A stream of numbers that its key determines."""

    def __init__(self, *key: str | int) -> None:
        content = "\0".join(map(str, key)).encode()
        self._seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
        self._drawn = 0

    @classmethod
    def seeded(cls, seed: int) -> Draw:
        """The stream of a seed, as others number them."""
        made = cls()
        made._seed = seed
        return made

    def bits(self, count: int) -> Array:
        """`count` unsigned 64-bit integers, every bit a fair coin."""
        start = (self._seed + (self._drawn + 1) * _GOLDEN) % 2**64
        self._drawn += count
        state = np.arange(count, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(start)
        state = (state ^ (state >> np.uint64(30))) * _FIRST
        state = (state ^ (state >> np.uint64(27))) * _SECOND
        return np.asarray(state ^ (state >> np.uint64(31)))

    def integers(self, low: int, high: int, count: int) -> Array:
        """Whole numbers from `low` up to, not including, `high`: int64."""
        offsets = (self.bits(count) >> np.uint64(1)) % np.uint64(high - low)
        return np.asarray(offsets.astype(np.int64) + np.int64(low))

    def unit(self, count: int) -> Array:
        """Multiples of 2^-24 from 0 up to 1, as float64."""
        return np.asarray((self.bits(count) >> np.uint64(40)).astype(np.float64) * 2.0**-24)

    def normal(self, count: int) -> Array:
        """Nearly normal, mean 0 and variance 1.02: 7/4 of four uniform numbers' sum."""
        total = sum((self.bits(count) >> np.uint64(40)).astype(np.int64) for _ in range(4))
        return np.asarray((total - np.int64(2**25)).astype(np.float64) * (1.75 * 2.0**-24))

    def permutation(self, count: int) -> Array:
        """The numbers below `count`, shuffled."""
        return np.argsort(self.bits(count), kind="stable").astype(np.int64)

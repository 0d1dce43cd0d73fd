"""The subscripts of Einsum: the product, and how many terms a sum has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hal_conformance.numerics.arithmetic import Array


def einsum_of(subscripts: str) -> Callable[..., Array]:
    """The product that subscripts describe."""

    def fold(*arrays: Array) -> Array:
        return np.asarray(np.einsum(subscripts, *arrays, optimize=len(arrays) > 1))

    return fold


def terms_of(subscripts: str, *arrays: Array) -> int:
    """How many products an element of an einsum is the sum of."""
    left, arrow, right = subscripts.partition("->")
    operands = left.split(",")
    sizes: dict[str, int] = {}
    for letters, array in zip(operands, arrays, strict=True):
        before, dots, after = letters.partition("...")
        shape = np.shape(array)
        named = [*zip(before, shape, strict=False)]
        named += [*zip(reversed(after), reversed(shape), strict=False)] if dots else []
        for letter, size in named:
            sizes[letter] = max(size, sizes.get(letter, 1))
    joined = "".join(operands)
    kept = right if arrow else [c for c in sizes if joined.count(c) == 1]
    return int(
        np.prod([size for letter, size in sizes.items() if letter not in kept], initial=1)
    )

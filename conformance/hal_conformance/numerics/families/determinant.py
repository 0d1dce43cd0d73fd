"""Det: backward error of elimination, and how far a determinant moves with its matrix.

|det(A + E) - det(A)| <= Π(σ_i + |E|) - Π σ_i over the singular values of A: Ipsen and Rehman,
Perturbation bounds for determinants and characteristic polynomials, SIAM J. Matrix Anal. Appl.
30(2), 2008. Elimination with pivots gives the determinant of a matrix within
n u |L||U| of A (Higham, Accuracy and Stability, theorem 9.3), |L| at most 1 and |U| at most the
growth factor times max |A|: 2^(n-1) at worst, and n at most for all that is met (9.4). A sum of
products of all permutations, as small matrices have it, stays within (n + n!) u Π_i Σ_j |a_ij|.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hal_conformance.numerics.families.contraction import held, needed
from hal_conformance.numerics.pair import Quantity
from hal_conformance.numerics.rules import Step, rule

CLOSED = 4
"""Up to this many rows a device may write the determinant out."""

SOURCE = "Ipsen and Rehman 2008; Higham ASNA, theorem 9.3"


@rule("Det", source=SOURCE, since=11)
def determinant(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """The determinants of the last two axes."""
    x = needed(inputs)
    given = held(step, x)
    rows = np.shape(x.value)[-1]
    unit = step.arithmetic.summing(x.dtype).unit + step.stored(x.dtype).unit
    size = np.abs(x.value) + given.errors()
    whole = np.all(np.isfinite(x.value), axis=(-1, -2), keepdims=True)
    matrix, finite = np.where(whole, x.value, 0.0), np.squeeze(whole, axis=(-1, -2))
    with np.errstate(all="ignore"):
        value = np.where(finite, np.linalg.det(matrix), np.nan)
        growth = min(2.0 ** (rows - 1), max(rows, 4))
        largest = size.max(axis=(-1, -2), initial=0.0)
        moved = np.sqrt((given.errors() ** 2).sum(axis=(-1, -2)))
        moved = moved + unit * rows**3 * growth * largest
        sigma = np.linalg.svd(matrix, compute_uv=False)
        reach = np.prod(sigma + moved[..., None], axis=-1)
        error = reach - np.prod(sigma, axis=-1) + 2 * rows * unit * reach
        if rows <= CLOSED:
            terms = np.prod(size.sum(axis=-1), axis=-1)
            error = error + (rows + math.factorial(rows)) * unit * terms
        error = np.where(finite, error, np.inf)
    return [step.rounded(np.asarray(value), np.asarray(error), x.dtype)]

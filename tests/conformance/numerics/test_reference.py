"""The reference evaluator, where it is made right."""

from __future__ import annotations

import numpy as np
from hal_conformance.numerics.reference import run_node
from onnx import helper


def test_a_transposed_convolution_in_groups_is_one_a_group() -> None:
    random = np.random.default_rng(5)
    x = random.standard_normal((2, 6, 4, 5))
    w = random.standard_normal((6, 5, 3, 3))
    b = random.standard_normal(15)
    whole = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], group=3)
    one = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"])
    got = run_node(whole, 22, [x, w, b])[0]
    for group in range(3):
        mine, theirs = slice(2 * group, 2 * group + 2), slice(5 * group, 5 * group + 5)
        part = run_node(one, 22, [x[:, mine], w[mine], b[theirs]])[0]
        np.testing.assert_array_equal(got[:, theirs], part)

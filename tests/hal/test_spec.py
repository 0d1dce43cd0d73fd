"""The nouns: plain data, which can be copied and sent to another process."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from hal.spec import CompileOptions, DeviceInfo, NodeFacts, Support
from hal.targets import Target

NOUNS = [CompileOptions(), DeviceInfo("0", "Toy", "Toys"), Target("t", "toy", "0")]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_a_noun_can_be_copied_and_pickled(noun: Any) -> None:
    assert copy.deepcopy(noun) == noun
    assert pickle.loads(pickle.dumps(noun)) == noun


def test_a_node_with_a_reason_is_refused_and_the_others_are_taken() -> None:
    nodes = [NodeFacts(name, "Relu", "", 14) for name in "abc"]
    support = Support.told(nodes, {"b": "too wide", "c": ""})
    assert [(n.node, n.supported, n.reason) for n in support.nodes] == [
        ("a", True, ""),
        ("b", False, "too wide"),
        ("c", True, ""),
    ]

"""Which nodes a compiler speaks of."""

from __future__ import annotations

from onnx import parser

from hal.logged import known_nodes, last_raised
from hal.model import Model

TRACEBACK = """\
Traceback (most recent call last):
  File "inner.py", line 1, in inner
KeyError: 'axes'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "outer.py", line 2, in outer
vendor.api.CompileError: node 7
  has no axes
"""


def test_nodes_are_known_by_their_names_or_their_places() -> None:
    text = (
        '<ir_version: 9, opset_import: ["": 20]> g(float[2] x) => (float[2] y) '
        "{ [first] a = Neg(x) y = Abs(a) }"
    )
    proto = parser.parse_model(text)
    proto.graph.node[0].name = "first"
    model = Model(proto.SerializeToString())
    found = [(facts.id, node.op_type) for facts, node in known_nodes(model.facts, proto)]
    assert found == [("first", "Neg"), ("#1", "Abs")]


def test_the_last_exception_of_a_traceback_is_the_one_that_counts() -> None:
    assert last_raised(TRACEBACK) == "vendor.api.CompileError: node 7\n  has no axes\n"
    assert last_raised("nothing was raised: all is well") == ""

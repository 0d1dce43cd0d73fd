"""Models that are broken on purpose: malformed, contradictory, or out to harm.

Each builder gives the bytes of one model; the contract tests in `test_hostile_models.py` say
what a device owes it: a clean error, never a crash, a hang or an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from hal_conformance.suite.models import Zoo, model, node, tensor

BEYOND_EVERY_MACHINE = (2**31, 2**31)
"""Dimensions whose elements no address space holds, each legal by itself."""


def prefixes(zoo: Zoo, cuts: int = 24) -> Iterator[bytes]:
    """A good model cut short at many places, the empty file first."""
    whole = zoo.arithmetic()
    for cut in range(cuts):
        yield whole[: len(whole) * cut // cuts]


def noise() -> Iterator[bytes]:
    """Files that were never models: text, an archive, repeated bytes, pseudo-random bytes."""
    yield b"this is not a model\n" * 20
    yield b"PK\x03\x04" + bytes(256)
    yield b"\xff" * 512
    state = 88172645463325252
    out = bytearray()
    for _ in range(512):
        state ^= (state << 13) & (2**64 - 1)
        state ^= state >> 7
        state ^= (state << 17) & (2**64 - 1)
        out.append(state & 0xFF)
    yield bytes(out)


def cyclic(zoo: Zoo) -> bytes:
    """Two nodes that wait for each other's result."""
    return _bytes(
        zoo,
        [node("Add", ["x", "second"], ["first"]), node("Add", ["first", "x"], ["second"])],
        "second",
    )


def unknown_operator(zoo: Zoo) -> bytes:
    """An operator that the standard domain never had."""
    return _bytes(zoo, [node("Transmogrify", ["x"], ["y"])], "y")


def unknown_domain(zoo: Zoo) -> bytes:
    """An operator of a domain that nobody registers."""
    nodes = [node("Transmogrify", ["x"], ["y"], domain="example.invalid")]
    made = model(
        nodes,
        [_port(zoo, "x")],
        [_port(zoo, "y")],
        opset=zoo.opset,
        domains={"example.invalid": 1},
    )
    return bytes(made.SerializeToString())


def opset(zoo: Zoo, version: int) -> bytes:
    """A good model that says it is of this opset."""
    return zoo.arithmetic(opset=version)


def missing_initialiser(zoo: Zoo) -> bytes:
    """A node reads a weight that is nowhere."""
    return _bytes(zoo, [node("Add", ["x", "weight"], ["y"])], "y")


def missing_output(zoo: Zoo) -> bytes:
    """The graph promises an output that no node makes."""
    return _bytes(zoo, [node("Identity", ["x"], ["z"])], "y")


def repeated_name(zoo: Zoo) -> bytes:
    """Two nodes make a value of the same name, against single assignment."""
    return _bytes(zoo, [node("Add", ["x", "x"], ["y"]), node("Sub", ["x", "x"], ["y"])], "y")


def huge_initialiser(zoo: Zoo) -> bytes:
    """A weight of 2**62 elements that brings four bytes."""
    return _with_weight(zoo, BEYOND_EVERY_MACHINE, b"\0\0\0\0")


def short_initialiser(zoo: Zoo) -> bytes:
    """A weight of four elements that brings one."""
    return _with_weight(zoo, (4,), bytes(zoo.dtype.numpy.itemsize))


def negative_initialiser(zoo: Zoo) -> bytes:
    """A weight whose dimension is minus four."""
    return _with_weight(zoo, (-4,), bytes(4 * zoo.dtype.numpy.itemsize))


def mixed_types(zoo: Zoo) -> bytes:
    """An Add of this device's element type and a boolean weight."""
    made = model(
        [node("Add", ["x", "weight"], ["y"])],
        [_port(zoo, "x")],
        [_port(zoo, "y")],
        weights={"weight": np.ones(4, bool)},
        opset=zoo.opset,
    )
    return bytes(made.SerializeToString())


def external(zoo: Zoo, folder: Path, location: str, name: str = "model.onnx") -> Path:
    """A model file in `folder` whose weight lies in the file `location`."""
    made = _weighted(zoo)
    weight = TensorProto(name="weight", data_type=zoo.dtype.number, dims=[4])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    made.graph.initializer.append(weight)
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return path


def weight_file(zoo: Zoo, path: Path) -> Path:
    """Four ones, as external data has them."""
    path.write_bytes(tensor("weight", zoo.array([1, 1, 1, 1])).raw_data)
    return path


def _with_weight(zoo: Zoo, dims: tuple[int, ...], data: bytes) -> bytes:
    made = _weighted(zoo)
    weight = TensorProto(name="weight", data_type=zoo.dtype.number, dims=dims, raw_data=data)
    made.graph.initializer.append(weight)
    return bytes(made.SerializeToString())


def _weighted(zoo: Zoo) -> onnx.ModelProto:
    nodes = [node("Add", ["x", "weight"], ["y"])]
    return model(nodes, [_port(zoo, "x")], [_port(zoo, "y")], opset=zoo.opset)


def _bytes(zoo: Zoo, nodes: list[onnx.NodeProto], output: str) -> bytes:
    made = model(nodes, [_port(zoo, "x")], [_port(zoo, output)], opset=zoo.opset)
    return bytes(made.SerializeToString())


def _port(zoo: Zoo, name: str) -> tuple[str, str, tuple[int, ...]]:
    return name, zoo.dtype.name, (4,)

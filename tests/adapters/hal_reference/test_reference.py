"""The standard's own evaluator as a device."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hal_reference import errors
from hal_reference.adapter import ReferenceAdapter
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper

from hal import dtypes
from hal.adapter import Program
from hal.errors import InputError, Unsupported
from hal.model import Model
from hal.spec import CompileOptions
from hal.tensor import Tensor

onnx: Any = import_module("onnx")
make = helper.make_node


def tensor(name: str, kind: int = TensorProto.FLOAT, shape: Any = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def build(*nodes: Any, opset: int = 21, weights: Any = (), **given: Any) -> bytes:
    """Bytes of a model of these nodes; inputs and outputs default to x and y in float32."""
    inputs, outputs = given.get("inputs", [tensor("x")]), given.get("outputs", [tensor("y")])
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(weights))
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(name, 1) for name in given.get("domains", ())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def compiled(source: bytes | Path, **options: Any) -> Program:
    adapter = ReferenceAdapter()
    return adapter.compile(Model(source), adapter.find("cpu"), CompileOptions(**options))


def run(source: bytes | Path, **feeds: Any) -> list[Any]:
    given = {name: Tensor.of(array) for name, array in feeds.items()}
    return list(compiled(source).run(given))


def exceptions() -> Iterator[type[Exception]]:
    """What the modules of `onnx` that the evaluator uses define."""
    import_module("onnx.reference")
    for module in [m for name, m in sys.modules.items() if name.startswith("onnx")]:
        for member in vars(module).values():
            if not (isinstance(member, type) and issubclass(member, Exception)):
                continue
            if member.__module__.startswith("onnx."):
                yield member


EXCEPTIONS = sorted(set(exceptions()), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=[kind.__name__ for kind in EXCEPTIONS])
def test_every_exception_type_is_mapped_on_purpose(kind: type[Exception]) -> None:
    assert type(errors.translate(kind("something"))) is errors.TYPES[kind.__name__]


def test_introspection_finds_the_exceptions() -> None:
    assert {"ValidationError", "RuntimeTypeError"} <= {kind.__name__ for kind in EXCEPTIONS}


def test_what_an_operator_raises_in_passing_is_left_to_the_shell() -> None:
    assert errors.translate(ValueError("x")) is None
    assert errors.translate(ImportError("x")) is None


def test_the_claim_is_what_this_onnx_defines() -> None:
    device = ReferenceAdapter().find("cpu")
    assert device.opsets[""] == (1, onnx.defs.onnx_opset_version())
    assert device.sdk == onnx.__version__


def test_a_numpy_scalar_becomes_an_array_of_its_type() -> None:
    model = build(make("ReduceSum", ["x"], ["y"], keepdims=0))
    (result,) = run(model, x=np.ones(3, np.float32))
    assert type(result.array) is np.ndarray
    assert (result.dtype.name, result.array.shape) == ("float32", ())


def test_a_small_type_keeps_its_name() -> None:
    to = TensorProto.BFLOAT16
    (result,) = run(
        build(make("Cast", ["x"], ["y"], to=to), outputs=[tensor("y", to)]),
        x=np.ones(3, np.float32),
    )
    assert result.dtype is dtypes.of_name("bfloat16")


def test_text_comes_out_as_objects() -> None:
    texts = [tensor(name, TensorProto.STRING) for name in "xy"]
    model = build(make("StringConcat", ["x", "x"], ["y"]), inputs=texts[:1], outputs=texts[1:])
    (result,) = run(model, x=["ab"])
    assert (result.dtype.name, result.array.dtype, result.array.tolist()) == (
        "string",
        np.dtype(object),
        ["abab"],
    )


def test_a_sequence_comes_out_as_a_list() -> None:
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    out = helper.make_value_info("y", helper.make_sequence_type_proto(inner))
    (result,) = run(
        build(make("SequenceConstruct", ["x", "x"], ["y"]), outputs=[out]),
        x=np.ones(2, np.float32),
    )
    assert [item.array.tolist() for item in result] == [[1, 1], [1, 1]]


@pytest.mark.parametrize("op", ["Identity", "Flatten"])
def test_a_result_does_not_alias_the_feed(op: str) -> None:
    x = np.ones((2, 3), np.float32)
    (result,) = run(build(make(op, ["x"], ["y"])), x=x)
    result.array[:] = 5
    assert_array_equal(x, np.ones((2, 3)))


def test_a_result_does_not_alias_a_weight() -> None:
    weight = numpy_helper.from_array(np.ones(2, np.float32), "w")
    program = compiled(build(make("Identity", ["w"], ["y"]), inputs=[], weights=[weight]))
    first: Any = program.run({})[0]
    first.array[:] = 9
    again: Any = program.run({})[0]
    assert again.array.tolist() == [1, 1]


def test_dividing_by_zero_is_a_result_and_not_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (result,) = run(build(make("Reciprocal", ["x"], ["y"])), x=np.zeros(1, np.float32))
    assert np.isinf(result.array).all()


def test_an_unknown_operator_is_unsupported_by_name() -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  translated below
        compiled(build(make("Blorp", ["x"], ["y"])))
    found = errors.translate(caught.value)
    assert isinstance(found, Unsupported)
    assert (found.op, found.opset) == ("Blorp", 21)


def test_an_unknown_domain_is_unsupported_by_name() -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  translated below
        compiled(build(make("Blorp", ["x"], ["y"], domain="acme"), domains=["acme"]))
    found = errors.translate(caught.value)
    assert isinstance(found, Unsupported)
    assert found.op == "acme:Blorp"


def test_a_cyclic_graph_is_the_callers_mistake() -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  translated below
        compiled(build(make("Relu", ["y"], ["z"]), make("Relu", ["z"], ["y"])))
    assert isinstance(errors.translate(caught.value), InputError)


def test_a_missing_image_library_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    values = [tensor(name, TensorProto.UINT8) for name in "xy"]
    model = build(make("ImageDecoder", ["x"], ["y"]), inputs=values[:1], outputs=values[1:])
    with pytest.raises(ImportError) as caught:
        run(model, x=np.zeros(4, np.uint8))
    found = errors.translate(caught.value)
    assert isinstance(found, Unsupported)
    assert found.op == "ImageDecoder"


def test_vendor_options_are_refused() -> None:
    with pytest.raises(InputError, match="no vendor options"):
        compiled(build(make("Relu", ["x"], ["y"])), vendor={"speed": "high"})


def test_bound_dimensions_show_in_the_signature() -> None:
    values = [tensor(name, shape=["n", 3]) for name in "xy"]
    model = build(make("Relu", ["x"], ["y"]), inputs=values[:1], outputs=values[1:])
    assert compiled(model, dimensions={"n": 2}).inputs[0].shape == (2, 3)


def test_external_weights_are_read(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.arange(3, dtype=np.float32), "w")
    data = build(make("Add", ["x", "w"], ["y"]), weights=[weight])
    path = tmp_path / "model.onnx"
    onnx.save_model(
        onnx.load_model_from_string(data),
        path,
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    (result,) = run(path, x=np.ones(3, np.float32))
    assert result.array.tolist() == [1, 2, 3]


def test_a_query_agrees_with_compiling() -> None:
    adapter = ReferenceAdapter()
    device = adapter.find("cpu")
    model = build(make("Relu", ["x"], ["z"]), make("Blorp", ["z"], ["y"]))
    found = adapter.query(Model(model), device, CompileOptions())
    assert [(node.op, node.supported) for node in found.nodes] == [
        ("Relu", True),
        ("Blorp", False),
    ]


def test_every_node_is_claimed_to_run_here() -> None:
    program: Any = compiled(build(make("Relu", ["x"], ["y"])))
    found = program.placement()
    assert (found.evidence, found.counts()["device"]) == ("claimed", 1)

"""Models: by path or bytes, external data beside them, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import hal
from hal.errors import InputError
from hal.inspection import facts_of
from hal.model import Model


def with_external(location: str, length: int = 12) -> onnx.ModelProto:
    """y = x + w over float32[3], where w lies in `location`."""
    w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    w.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        w.external_data.add(key=key, value=value)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "external", [x], [y], [w]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def external(tmp_path: Path) -> Path:
    """A model with its weights, 1 2 3, in weights.bin beside it."""
    (tmp_path / "weights.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    return save(with_external("weights.bin"), tmp_path / "model.onnx")


@pytest.mark.parametrize("device", ["reference:cpu", "onnxruntime:cpu", "openvino:cpu"])
@pytest.mark.parametrize("isolated", [False, True], ids=["here", "worker"])
def test_a_model_loads_with_its_external_data(
    external: Path, device: str, isolated: bool
) -> None:
    with hal.load(external, device=device, isolated=isolated) as exe:
        y = exe({"x": np.zeros(3, np.float32)})["y"]
    assert y.tolist() == [1, 2, 3]


@pytest.mark.parametrize("device", ["reference:cpu", "onnxruntime:cpu", "openvino:cpu"])
def test_bytes_load_with_external_data_from_a_folder(external: Path, device: str) -> None:
    model = Model(external.read_bytes(), folder=external.parent)
    with hal.load(model, device=device) as exe:
        assert exe({"x": np.zeros(3, np.float32)})["y"].tolist() == [1, 2, 3]


def test_bytes_with_external_data_need_a_folder(external: Path) -> None:
    with pytest.raises(InputError, match="pass folder="):
        _ = Model(external.read_bytes()).facts


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "a/../../secret.bin"])
def test_external_data_outside_the_models_folder_is_refused(
    tmp_path: Path, location: str
) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    inside = tmp_path / "model"
    (inside / "a").mkdir(parents=True)
    with pytest.raises(InputError, match="leaves the model's folder"):
        hal.load(save(with_external(location), inside / "model.onnx"), device="reference:cpu")


def test_a_link_out_of_the_models_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "weights.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(InputError, match="leaves the model's folder"):
        _ = Model(save(with_external("weights.bin"), inside / "model.onnx")).facts


def test_missing_external_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'weights.bin' is not in"):
        _ = Model(save(with_external("weights.bin"), tmp_path / "model.onnx")).facts


@pytest.mark.parametrize("location", ["a\0b", "a" * 300, "loop"], ids=["nul", "long", "loop"])
def test_external_data_with_an_impossible_name_is_an_input_error(
    tmp_path: Path, location: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="external data"):
        _ = Model(save(with_external(location), tmp_path / "model.onnx")).facts


def external_tensor(location: str) -> TensorProto:
    w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    w.data_location = TensorProto.EXTERNAL
    w.external_data.add(key="location", value=location)
    return w


def test_external_data_of_a_branch_inside_a_function_is_found() -> None:
    value = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3])
    branch = helper.make_graph([], "branch", [], [value], [external_tensor("../secret.bin")])
    choose = helper.make_node("If", ["b"], ["y"], then_branch=branch, else_branch=branch)
    opset = helper.make_opsetid("", 17)
    function = helper.make_function("mine", "F", ["b"], ["y"], [choose], [opset])
    model = with_external("weights.bin")
    model.graph.ClearField("initializer")
    model.functions.append(function)
    assert facts_of(model).external == ("../secret.bin",)


def test_external_data_of_a_sparse_constant_is_found() -> None:
    indices = numpy_helper.from_array(np.array([0]), "i")
    sparse = helper.make_sparse_tensor(external_tensor("../secret.bin"), indices, [3])
    model = with_external("weights.bin")
    model.graph.ClearField("initializer")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], sparse_value=sparse))
    assert facts_of(model).external == ("../secret.bin",)


def test_an_opset_that_no_int_holds_is_only_an_unknown_one() -> None:
    model = with_external("weights.bin")
    model.opset_import[0].version = 1 << 40
    assert facts_of(model).nodes[0].version == 1 << 40


@pytest.mark.parametrize("name", [b"Add", b"weights.bin"], ids=["operator", "location"])
def test_a_name_that_is_not_text_is_an_input_error(name: bytes) -> None:
    data = with_external("weights.bin").SerializeToString()
    with pytest.raises(InputError, match="not UTF-8"):
        _ = Model(data.replace(name, b"\xff" * len(name))).facts


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x08\x08"], ids=repr)
def test_bytes_that_are_no_model_are_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError, match="not an ONNX model"):
        _ = Model(data).facts


def test_a_path_that_is_no_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model at"):
        Model(tmp_path / "absent.onnx")


def test_the_digest_covers_the_external_data(external: Path) -> None:
    before = Model(external).digest
    (external.parent / "weights.bin").write_bytes(np.array([1, 2, 4], np.float32).tobytes())
    assert Model(external).digest != before


def test_facts_list_the_nodes_of_subgraphs_under_their_owner() -> None:
    branch = helper.make_graph(
        [
            helper.make_node(
                "Constant", [], ["c"], value=numpy_helper.from_array(np.ones((), np.float32))
            )
        ],
        "branch",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [])],
    )
    node = helper.make_node(
        "If", ["b"], ["y"], name="choose", then_branch=branch, else_branch=branch
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("b", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    facts = Model(model.SerializeToString()).facts
    assert [(n.id, n.op, n.version) for n in facts.nodes] == [
        ("choose", "If", 16),
        ("choose/else_branch/#0", "Constant", 13),
        ("choose/then_branch/#0", "Constant", 13),
    ]


def test_a_value_that_two_nodes_make_is_refused(doubling: onnx.ModelProto) -> None:
    twice = onnx.ModelProto()
    twice.CopyFrom(doubling)
    twice.graph.node.append(twice.graph.node[0])
    with pytest.raises(InputError, match="two nodes make the value 'y'"):
        _ = Model(twice.SerializeToString()).facts


@pytest.mark.slow
@pytest.mark.parametrize("device", ["onnxruntime:cpu", "openvino:cpu"])
def test_a_model_larger_than_a_protobuf_message_loads(tmp_path: Path, device: str) -> None:
    rows, columns = 551, 1 << 20  # 2.15 GiB of float32, as a sparse file
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(rows * columns * 4)
        file.seek((rows - 1) * columns * 4)
        file.write(np.arange(columns, dtype=np.float32).tobytes())
    w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, columns])
    w.data_location = TensorProto.EXTERNAL
    w.external_data.add(key="location", value="weights.bin")
    index = helper.make_tensor_value_info("i", TensorProto.INT64, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, columns])
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w", "i"], ["y"])], "g", [index], [y], [w]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with hal.load(save(model, tmp_path / "model.onnx"), device=device) as exe:
        last = exe({"i": np.array([rows - 1])})["y"]
    assert last[0, -1] == columns - 1

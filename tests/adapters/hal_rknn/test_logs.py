"""Where nodes ran, read from what RKNN-Toolkit2 2.5.0 really printed."""

from __future__ import annotations

import pytest
from hal_rknn import errors, logs

from hal.errors import CompileError, HALError, Unsupported
from hal.spec import NodeFacts

ROW = "D RKNN: [02:12:35.183] "
CHAIN_PASSES = """\
D fuse_ops results:
D     convert_matmul_to_exmatmul: remove node = ['n0'], add node = ['x_tp', 'x_rs', 'n0#1', 't_mm_rs']
D     unsqueeze_to_4d_relu: remove node = [], add node = ['t_rs', 'u-rs']
D     unsqueeze_to_4d_sin: remove node = [], add node = ['u_rs', 'y-rs']
D     bypass_two_reshape: remove node = ['t_rs', 't_mm_rs', 'u_rs', 'u-rs']
"""  # noqa: E501  as printed
CHAIN_TABLE = f"""\
{ROW}ID   OpType             DataType Target InputShape    OutputShape   Cycles(DDR/NPU/Total)    RW(KB)       FullName
{ROW}0    InputOperator      FLOAT16  CPU    \\             (64,64)       0/0/0                    0            InputOperator:x
{ROW}1    Reshape            FLOAT16  CPU    (64,64),(4)   (1,64,1,64)   0/0/0                    8            Reshape:x_rs
{ROW}3    exMatMul           FLOAT16  NPU    (1,64,1,64)   (1,64,1,64)   1039/512/1039            16           exMatMul:n0#1
{ROW}4    Relu               FLOAT16  NPU    (1,64,1,64)   (1,64,1,64)   0/0/0                    8            Relu:n1
{ROW}5    Sin                FLOAT16  CPU    (1,64,1,64)   (1,64,1,64)   0/0/0                    8            Sin:n2
{ROW}7    OutputOperator     FLOAT16  CPU    (64,64)       \\             0/0/0                    8            OutputOperator:y
"""  # noqa: E501  as printed
FUSED_PASSES = """\
D fold_constant remove nodes = ['n3']
D     convert_sub_to_add: remove node = ['n4'], add node = ['n4_2add']
D     fuse_two_add: remove node = ['n2']
D     remove_invalid_add: remove node = ['n4_2add']
"""
FUSED_TABLE = f"""\
{ROW}0    InputOperator      FLOAT16  CPU    \\             (1,3,8,8)     0/0/0         0            InputOperator:x
{ROW}1    ConvRelu           FLOAT16  NPU    (1,3,8,8)     (1,8,6,6)     114/432/432   1            Conv:n0
"""  # noqa: E501  as printed
AND_TABLE = f"""\
{ROW}6    Mul                FLOAT16  NPU    (1,5,1,1)     (1,5,1,1)     0/0/0         0            Mul:n0_2fp_mul
{ROW}7    Cast               FLOAT16  CPU    (1,5,1,1)     (1,5,1,1)     0/0/0         0            Cast:n0_2fp_mul_cast
"""  # noqa: E501  as printed


def where(passes: str, printed: str, *ops: str) -> list[str]:
    """Where each of the nodes n0, n1, ... ran."""
    nodes = {f"n{i}": NodeFacts(f"#{i}", op, "", 13) for i, op in enumerate(ops)}
    placed = logs.placement(nodes, passes.splitlines(), printed)
    assert placed.evidence == "logged"
    assert [node.op for node in placed.nodes] == list(ops)
    return [node.where for node in placed.nodes]


def test_a_node_is_where_its_layer_is_whatever_it_was_renamed_to() -> None:
    """Reshapes on the CPU, which give a MatMul its four dimensions, do not move it there."""
    found = where(CHAIN_PASSES, CHAIN_TABLE, "MatMul", "Relu", "Sin")
    assert found == ["device", "device", "host"]


def test_nodes_without_a_layer_were_folded_or_fused() -> None:
    found = where(FUSED_PASSES, FUSED_TABLE, "Conv", "Relu", "Add", "Mul", "Sub")
    assert found == ["device", "fused", "fused", "folded", "fused"]


def test_a_node_that_no_line_speaks_of_is_unknown() -> None:
    assert where("", FUSED_TABLE, "Conv", "Softmax") == ["device", "unknown"]


def test_a_node_split_over_both_is_on_the_host() -> None:
    assert where("", AND_TABLE, "And") == ["host"]


def test_what_was_not_lowered_is_on_the_host_whatever_the_table_says() -> None:
    table = f"{ROW}1  Det  FLOAT16  NPU  (1,3,3)  (1)  0/0/0  0  Det:n0\n"
    assert where("", table, "Det") == ["device"]
    lost = "No lowering found for: n0, node type = Det, use CustomOperatorLower instead.\n"
    assert where("", table + lost, "Det") == ["host"]


def test_one_name_that_begins_like_another_is_not_taken_for_it() -> None:
    nodes = [f"Op{number}" for number in range(11)]
    table = f"{ROW}1  Relu  FLOAT16  NPU  (1)  (1)  0/0/0  0  Relu:n10\n"
    assert where("", table, *nodes) == ["unknown"] * 10 + ["device"]


TRACEBACK = """\
Traceback (most recent call last):
  File "rknn/api/rknn_log.py", line 344, in rknn.api.rknn_log.error_catch_decorator
{}
"""


@pytest.mark.parametrize(
    ("said", "kind", "fields"),
    [
        ("ValueError: Unsupport onnx opset 20, need <= 19!", Unsupported, {"opset": 20}),
        (
            "ValueError: The input 0 of NonZero('nz') need to be constant! It will cause the "
            "graph to be a dynamic graph!",
            Unsupported,
            {"op": "NonZero"},
        ),
        (
            'rt.InvalidGraph: In Node, ("n", Mystery, "", -1) : , Error No Op registered',
            Unsupported,
            {"op": "Mystery"},
        ),
        ("ValueError: Not support input data type 'int16'!", Unsupported, {"dtype": "int16"}),
        ("AttributeError: 'float' object has no attribute 'HasField'", CompileError, {}),
    ],
)
def test_the_toolkits_errors_have_names(
    said: str, kind: type[HALError], fields: dict[str, object]
) -> None:
    ours = errors.translate(ValueError(TRACEBACK.format(said)))
    assert ours is not None
    assert type(ours) is kind
    assert ours.fields() == fields
    assert ours.message == said.partition(": ")[2]


def test_errors_of_others_are_left_to_the_shell() -> None:
    assert errors.translate(ValueError("no traceback of the toolkit's")) is None

"""Answers a bundle with onnxruntime and onnx's messages alone: nothing of onnx-hal is used.

hal corpus export bundle --suite onnx --questions
python examples/offline/answer.py bundle answers
hal judge answers --bundle bundle --target ort-lab --arithmetic fp32
"""

import ctypes
import importlib
import json
import math
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import onnx
from onnx import helper, numpy_helper

ort: Any = importlib.import_module("onnxruntime")  # it has no types for a checker
MESSAGES: dict[str, tuple[Any, Any]] = {
    "seq": (onnx.SequenceProto, numpy_helper.to_list),
    "opt": (onnx.OptionalProto, numpy_helper.to_optional),
}
BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
REFUSED = re.compile(
    "NOT_IMPLEMENTED|kernel for|not a registered function|No Op registered|not (currently )?reg"
    "|under development|Unsupported|not (yet )?(supported|implemented)|is not defined for"
    "|of input parameter|only supports|does not support|construct locale|converted"
)
"""What onnxruntime says where it means no."""


def load(path: Path, kind: str) -> Any:
    """An input as onnxruntime takes it; a tensor's memory is what its message holds."""
    content = path.read_bytes()
    if kind[:3] in MESSAGES:
        message, read = MESSAGES[kind[:3]]
        return read(message.FromString(content))
    tensor = onnx.TensorProto.FromString(content)
    if tensor.data_type == onnx.TensorProto.STRING:
        return numpy_helper.to_array(tensor).astype(object)
    made = ort.OrtValue.ortvalue_from_shape_and_type(list(tensor.dims), tensor.data_type)
    raw = tensor.raw_data or numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data
    ctypes.memmove(made.data_ptr(), raw, len(raw))
    return made


def message_of(value: Any, kind: str) -> Any:
    """An output as the message that its type asks for."""
    if isinstance(value, ort.OrtValue):
        number, shape = value.element_type(), value.shape()
        name = onnx.TensorProto.DataType.Name(number)
        width = 8 * helper.tensor_dtype_to_np_dtype(number).itemsize
        size = -(-math.prod(shape) * BITS.get(name, width) // 8)
        raw = ctypes.string_at(value.data_ptr(), size) if size else b""
        return onnx.TensorProto(data_type=number, dims=shape, raw_data=raw)
    if kind.startswith("opt"):
        return numpy_helper.from_optional(value)
    if not isinstance(value, list):
        return numpy_helper.from_array(value)
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # of a runtime
    if items and isinstance(items[0], dict):
        maps = [numpy_helper.from_dict(item) for item in items]
        return onnx.SequenceProto(elem_type=onnx.SequenceProto.MAP, map_values=maps)
    return numpy_helper.from_list(items, dtype=None if items else onnx.SequenceProto.TENSOR)


def answer(asked: Path, given: Path, data_sets: int) -> None:
    """Run a case, and write its outputs, or why there are none."""
    try:
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        session = ort.InferenceSession(asked / "model.onnx", options)
        ports = [*session.get_inputs(), *session.get_outputs()]
        plain = all(re.match(r"tensor\((?!string)", port.type) for port in ports)
        for number in range(data_sets):
            data = asked / f"test_data_set_{number}"
            feeds = {
                port.name: load(data / f"input_{place}.pb", port.type)
                for place, port in enumerate(session.get_inputs())
            }
            run = session.run_with_ort_values if plain else session.run
            ports = session.get_outputs()
            outputs = run([port.name for port in ports], feeds)
            out = given / data.name
            out.mkdir()
            for place, (value, port) in enumerate(zip(outputs, ports, strict=True)):
                message = message_of(value, port.type)
                (out / f"output_{place}.pb").write_bytes(message.SerializeToString())
    except Exception as error:  # noqa: BLE001  whatever it is, it goes into the status
        word = "refused" if REFUSED.search(str(error)) else "failed"
        (given / "status.txt").write_text(f"{word}\n{error}\n")


def main(bundle: Path, answers: Path) -> None:
    """Every case in a process of its own: what kills it is told by the one that waits."""
    for case in json.loads((bundle / "corpus.json").read_text())["cases"]:
        given = answers / case["id"]
        given.mkdir(parents=True)
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            answer(bundle / case["id"], given, case["data_sets"])
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended:
            word = "hung" if -ended == signal.SIGALRM else f"crashed {abs(ended)}"
            (given / "status.txt").write_text(f"{word}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

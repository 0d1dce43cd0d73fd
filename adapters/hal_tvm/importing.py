"""An ONNX model as TVM's module, with the words of the front end kept."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hal.errors import HALError, Unsupported
from hal.settle import settled
from hal_tvm import errors

if TYPE_CHECKING:
    from hal.model import Model

CONSTANTS = {"Pad": (2,)}
"""Operator -> positions of inputs that steer nothing, and that the front end wants to know."""

_AT = re.compile(r"Error converting operator (\w+)")


def module(model: Model, *, settle: bool) -> Any:
    """TVM's module of the model; `settle` lets what follows from its shapes become constants.

    Raises:
        Unsupported: the front end says no, and at which operator.
        CompileError: it failed on something else.
    """
    for node in model.facts.nodes:
        if node.domain not in ("", "ai.onnx"):  # the front end reads an operator's name alone
            raise Unsupported(f"no operators of {node.domain}", op=node.op, node=node.id)
    facts = model.facts
    for spec in (*facts.inputs, *facts.outputs):
        if spec.dtype == "string":
            raise Unsupported(f"TVM has no values such as {spec}", dtype="string")
    for spec in facts.inputs:
        if spec.containers not in ((), ("optional",)):  # an optional's tensor is a tensor here
            raise Unsupported(f"TVM takes no values such as {spec}")
    try:
        return _imported(model)
    except HALError as error:  # it may be about what could be known
        if errors.refused_ops(error) or not settle:
            raise
        try:
            known = settled(model)
        except (RuntimeError, ValueError):  # ONNX's own tools cannot read it either
            raise error from error.__cause__
        return _imported(known)


def _imported(model: Model) -> Any:
    # Given apart, since TVM takes a length of 0 in a model for an unknown one, and does not
    # look into an optional's type.
    inputs = model.facts.inputs
    shapes = {spec.name: list(spec.shape or ()) for spec in inputs if spec.is_static}
    types = {spec.name: spec.dtype for spec in inputs if not spec.is_tensor}
    frontend = import_module("tvm.relax.frontend.onnx")
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return frontend.from_onnx(model.whole(), shape_dict=shapes, dtype_dict=types)
    except Exception as error:
        at = _AT.search(printed.getvalue())
        raise errors.importing(error, at[1] if at else None) from error

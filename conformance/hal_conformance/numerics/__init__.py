"""Bounds that are derived, not tuned: running error analysis over an ONNX graph.

`arithmetic` names what a device computes in; `pair` is a value with the error it may carry;
`rules` holds one function an operator, in `families/`, each with its source; `engine` walks a
model; `verdict` compares a device's answer with the bounds. docs/numerics.md explains the
method, and what it cannot say.
"""

"""Where each node runs, read from the text of the compiled program.

The compiler names what it makes after the value and the operator it came from ("y_Conv"), and
keeps the program it generated code from as text: functions with a mode, of operations with
locations. An operation in a function that is not the TPU's, or of the kind GenericCpu, runs on
the host; a node nothing is named after was folded or fused into another, and the text does not
say which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from hal.spec import NodeFacts, NodePlacement, Placement

_NAMED = re.compile(r'^(?P<id>#loc\d*) = loc\("(?P<name>.*)"\)$', re.MULTILINE)
_FUSED = re.compile(r"^(?P<id>#loc\d*) = loc\(fused\[(?P<parts>.*)\]\)$", re.MULTILINE)
_MODE = re.compile(r"func\.func @subfunc_\d+.*run_mode (?P<mode>\w+)>")
_OPERATION = re.compile(r'"tpu\.(?P<op>\w+)"\(.*loc\((?P<loc>#loc\d*)\)\s*$')
_MOVES = frozenset({"Load", "Store", "Yield", "Group", "Cast"})


def placement(values: Mapping[str, NodeFacts], text: str) -> Placement:
    """Where the nodes ran; `values` are what each gives."""
    ran: dict[str, tuple[str, str]] = {}
    for op, mode, names in _operations(text):
        for name in names:
            ran.setdefault(value_of(name), (op, mode))
    nodes: dict[str, NodePlacement] = {}
    for value, node in values.items():
        found = ran.get(value)
        if found is None:
            nodes.setdefault(node.id, NodePlacement(node.id, node.op, "unknown"))
            continue
        op, mode = found
        on_device = mode.startswith("TPU") and op != "GenericCpu"
        by = f"{mode}:{op}"
        nodes[node.id] = NodePlacement(node.id, node.op, "device" if on_device else "host", by)
    return Placement(tuple(nodes.values()), "logged")


def value_of(name: str) -> str:
    """The value that the compiler's name stands for: its operator's may be another by now.

    A MatMul and an Add that follow each other become a Gemm, and the value's name "y_Gemm".
    """
    return name.removesuffix("_f32").rpartition("_")[0]


def _operations(text: str) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Each operation that computes: its kind, its function's mode, its names."""
    names = {match["id"]: [match["name"]] for match in _NAMED.finditer(text)}
    for match in _FUSED.finditer(text):
        parts = [part.strip() for part in match["parts"].split(",")]
        names[match["id"]] = [name for part in parts for name in names.get(part, ())]
    mode = ""
    for line in text.splitlines():
        entered = _MODE.search(line)
        mode = entered["mode"] if entered else mode
        found = _OPERATION.search(line)
        if found is not None and mode and found["op"] not in _MOVES:
            yield found["op"], mode, names.get(found["loc"], ())

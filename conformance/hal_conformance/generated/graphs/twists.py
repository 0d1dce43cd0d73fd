"""The traps that hold for any pattern: what a careless rewriting of graphs forgets to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Twist:
    """How a pattern differs from the textbook.

    `swapped` exchanges the operands of commutative operators. `weights` are initializers,
    `fed` at run time, `nodes` Constant nodes, or `overridable`: initializers that are inputs
    too. `symbolic` leaves sizes open and runs two. `exposed` makes an intermediate an output,
    `reused` gives one a second reader. `wrapped` writes the pattern into a function of the
    model, or into both branches of an If.
    """

    label: str
    swapped: bool = False
    weights: Literal["initializers", "fed", "nodes", "overridable"] = "initializers"
    symbolic: bool = False
    exposed: Literal["", "first", "last"] = ""
    reused: bool = False
    wrapped: Literal["", "function", "branches"] = ""


PLAIN = Twist("plain")

TWISTS: dict[str, Twist] = {
    twist.label: twist
    for twist in (
        Twist("swapped", swapped=True),
        Twist("fed_weights", weights="fed"),
        Twist("constant_nodes", weights="nodes"),
        Twist("overridable", weights="overridable"),
        Twist("dynamic", symbolic=True),
        Twist("exposed_first", exposed="first"),
        Twist("exposed_last", exposed="last"),
        Twist("reused", reused=True),
        Twist("function", wrapped="function"),
        Twist("branches", wrapped="branches"),
    )
}
"""By label. Those that change nothing of a pattern make no case."""

"""Random graphs of right types: a seed each, 5 to 25 nodes, values that stay in range.

A graph grows from its feeds: a step draws an operator, and values that fit it. What no step
read becomes an output, and so do some values that were read. Contractions are few, so that the
bounds still say something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx

from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.graphs.modelling import source_of
from hal_conformance.generated.graphs.twists import PLAIN
from hal_conformance.generated.graphs.writing import Graph
from hal_conformance.generated.source import Source

COUNT = 320
VACUOUS = frozenset(
    (
        *(2, 3, 4, 5, 6, 7, 8, 11, 15, 23, 34, 42, 57, 60, 61, 73, 76, 79, 80, 81, 82, 84),
        *(88, 89, 91, 92, 94, 98, 102, 103, 108, 109, 110, 122, 131, 133, 136, 140, 143),
        *(144, 151, 152, 155, 156, 157, 158, 161, 163, 167, 178, 180, 182, 186, 188, 196),
        *(197, 200, 204, 214, 218, 222, 234, 242, 243, 246, 251, 257, 265, 268, 270, 273),
        *(274, 281, 282, 285, 289, 290, 296, 297, 301, 304, 309),
    )
)
"""Seeds left out: the sound bounds of their graphs say nothing of some output under fp32."""

_TYPES = ("float32",) * 7 + ("float16", "int32", "int32")
_OPSETS = (13, 17, 18, 21, 21, 22)
_CONTRACTIONS = 3
_ELEMENTS = 2500


@dataclass
class Item:
    """A value: its shape, and about how large it gets."""

    name: str
    shape: tuple[int, ...]
    size: float
    read: int = 0


@dataclass
class Growth:
    """A graph that grows."""

    g: Graph
    draw: Draw
    items: list[Item] = field(default_factory=list[Item])
    contractions: int = 0

    def number(self, low: int, high: int) -> int:
        """A whole number from low up to, not including, high."""
        return int(self.draw.integers(low, high, 1)[0])

    def pick(self, *, rank: int = 0, below: float = np.inf) -> Item | None:
        """A value of at least a rank; new ones are drawn more often."""
        fit = [i for i in self.items if len(i.shape) >= rank and i.size < below]
        if not fit:
            return None
        place = max(self.number(0, len(fit)), self.number(0, len(fit)))
        fit[place].read += 1
        return fit[place]

    def add(self, name: str, shape: tuple[int, ...], size: float) -> None:
        """A new value."""
        self.items.append(Item(name, shape, size))

    @property
    def is_whole(self) -> bool:
        """Whether it computes with whole numbers."""
        return self.g.t == "int32"


def _unary(w: Growth) -> None:
    x = w.pick()
    if x is None:
        return
    if w.is_whole:
        op = ("Abs", "Neg", "Sign")[w.number(0, 3)]
        w.add(w.g(op, x.name), x.shape, x.size)
        return
    names = ["Tanh", "Sigmoid", "Relu", "Abs", "Neg", "Erf", "Softsign", "Sin", "LeakyRelu"]
    names += ["Exp", "Softplus"] if x.size <= 4 else ["Atan", "Elu"]
    op = names[w.number(0, len(names))]
    bounded = op in ("Tanh", "Sigmoid", "Erf", "Softsign", "Sin", "Atan")
    size = 1.0 if bounded else float(np.ceil(2**x.size)) if op == "Exp" else x.size + 1
    w.add(w.g(op, x.name), x.shape, size)


def _binary(w: Growth) -> None:
    a = w.pick()
    others = [i for i in w.items if a is not None and _joined(a.shape, i.shape) is not None]
    if a is None or not others:
        return
    b = others[w.number(0, len(others))]
    shape = _joined(a.shape, b.shape)
    op = ("Add", "Sub", "Mul", "Max", "Min")[w.number(0, 5)]
    if shape is None or (op == "Mul" and a.size * b.size > 50):
        return
    b.read += 1
    size = a.size * b.size if op == "Mul" else a.size + b.size
    w.add(w.g(op, a.name, b.name), shape, size)


def _joined(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        shape = tuple(int(n) for n in np.broadcast_shapes(a, b))
    except ValueError:
        return None
    return shape if np.prod(shape) <= _ELEMENTS else None


def _constant(w: Growth) -> None:
    x = w.pick()
    if x is None:
        return
    if w.is_whole:
        y = w.g("Mod", x.name, w.g.const(w.number(5, 20)))
        w.add(y, x.shape, 20)
        return
    op = ("Mul", "Add", "Sub")[w.number(0, 3)]
    dims = (x.shape[-1],) if x.shape and w.number(0, 2) else ()
    c = w.g.weight(f"c{len(w.items)}", *dims, make=values.positive)
    w.add(w.g(op, x.name, c), x.shape, x.size * 4 if op == "Mul" else x.size + 4)


def _contraction(w: Growth) -> None:
    if w.contractions == _CONTRACTIONS:
        return
    x = w.pick(rank=2, below=30)
    if x is None or x.shape[-1] < 2:
        return
    w.contractions += 1
    out = w.number(3, 14)
    make = values.whole(-3, 4) if w.is_whole else None
    if len(x.shape) == 4 and min(x.shape[2:]) >= 3 and not w.is_whole:
        kernel = w.g.weight(f"w{len(w.items)}", out, x.shape[1], 3, 3)
        y = w.g("Conv", x.name, kernel, pads=[1, 1, 1, 1])
        w.add(y, (x.shape[0], out, *x.shape[2:]), x.size * 3)
        return
    weight = w.g.weight(f"w{len(w.items)}", x.shape[-1], out, make=make)
    growth = 3 * x.shape[-1] if w.is_whole else 3
    w.add(w.g("MatMul", x.name, weight), (*x.shape[:-1], out), x.size * growth)


def _normalised(w: Growth) -> None:
    x = w.pick(rank=1, below=40)
    if x is None or x.shape[-1] < 4 or w.is_whole:
        return
    if w.number(0, 2) or w.g.opset < 17:
        w.add(w.g("Softmax", x.name, axis=len(x.shape) - 1), x.shape, 1)
    else:
        scale = w.g.weight(f"s{len(w.items)}", x.shape[-1], make=values.positive)
        y = w.g("LayerNormalization", x.name, scale, axis=-1, epsilon=0.01)
        w.add(y, x.shape, 8)


def _reduced(w: Growth) -> None:
    x = w.pick(rank=2)
    if x is None:
        return
    axis, keep = w.number(0, len(x.shape)), w.number(0, 2)
    ops = ("ReduceMax", "ReduceMin", "ReduceSum") if w.is_whole else ("ReduceMax", "ReduceMean")
    op = ops[w.number(0, len(ops))]
    shape = [n for k, n in enumerate(x.shape) if k != axis or keep]
    shape = [1 if keep and k == axis else n for k, n in enumerate(shape)]
    size = x.size * x.shape[axis] if op == "ReduceSum" else x.size
    w.add(w.g.reduce(op, x.name, axis, keepdims=keep), tuple(shape), size)


def _moved(w: Growth) -> None:
    x = w.pick(rank=2)
    if x is None:
        return
    g, rank, kind = w.g, len(x.shape), w.number(0, 6)
    axis = w.number(0, rank)
    n = x.shape[axis]
    shape = list(x.shape)
    if kind == 0:
        perm = [int(k) for k in w.draw.permutation(rank)]
        w.add(g.transpose(x.name, *perm), tuple(x.shape[k] for k in perm), x.size)
    elif kind == 1:
        merged = (x.shape[0], int(np.prod(x.shape[1:])))
        w.add(g.reshape(x.name, 0, -1), merged, x.size)
    elif kind == 2 and n > 2:
        shape[axis] = n - 2
        w.add(g.slice(x.name, 1, n - 1, axis), tuple(shape), x.size)
    elif kind == 3 and n > 1:
        first = w.number(1, n)
        for name, size in zip(
            g.split(x.name, first, n - first, axis=axis), (first, n - first), strict=True
        ):
            shape[axis] = size
            w.add(name, tuple(shape), x.size)
    elif kind == 4:
        picked = [int(k) for k in w.draw.integers(-n, n, w.number(1, 5))]
        shape[axis] = len(picked)
        w.add(g("Gather", x.name, g.ints(*picked), axis=axis), tuple(shape), x.size)
    elif kind == 5 and rank < 4:
        shape.insert(axis, 1)
        w.add(g.unsqueeze(x.name, axis), tuple(shape), x.size)


def _concatenated(w: Growth) -> None:
    x = w.pick(rank=1)
    if x is None or np.prod(x.shape) > _ELEMENTS / 3:
        return
    axis = w.number(0, len(x.shape))
    fit = [i for i in w.items if _alike(i.shape, x.shape, axis)]
    parts = [x, *(fit[w.number(0, len(fit))] for _ in range(w.number(1, 3)))]
    for part in parts[1:]:
        part.read += 1
    shape = list(x.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    name = w.g("Concat", *(part.name for part in parts), axis=axis)
    w.add(name, tuple(shape), max(part.size for part in parts))


def _alike(a: tuple[int, ...], b: tuple[int, ...], axis: int) -> bool:
    return len(a) == len(b) and all(k == axis or n == b[k] for k, n in enumerate(a))


def _chosen(w: Growth) -> None:
    x = w.pick(rank=1)
    if x is None:
        return
    mask = w.g.weight(f"m{len(w.items)}", x.shape[-1], dtype="bool")
    other = w.g.const(w.number(-2, 3))
    w.add(w.g("Where", mask, x.name, other), x.shape, max(x.size, 2))


def _conditional(w: Growth) -> None:
    x = w.pick()
    if x is None:
        return
    graphs: list[onnx.GraphProto] = []
    for word, op in (("then", "Abs"), ("else", "Neg")):
        inner = w.g.within()
        y = inner("Add", inner(op, x.name), x.name)
        graphs.append(inner.subgraph(word, [], [y]))
    flag = w.g.feed(f"flag{len(w.items)}", dtype="bool")
    y = w.g("If", flag, then_branch=graphs[0], else_branch=graphs[1])
    w.add(y, x.shape, 2 * x.size)


def _repeated(w: Growth) -> None:
    """Loop: three times v = (v - x) / 2, and the v on the way."""
    x = w.pick(below=20)
    if x is None or w.is_whole:
        return
    inner = w.g.within()
    told = [
        inner.local("i", dtype="int64"),
        inner.local("go", dtype="bool"),
        inner.local("v", *x.shape),
    ]
    v = inner("Mul", inner("Sub", told[2].name, x.name), inner.const(0.5))
    go = inner("Identity", told[1].name)
    body = inner.subgraph("body", told, [go, v, inner("Abs", v)])
    last, every = w.g.many(2, "Loop", w.g.integer(3), "", x.name, body=body)
    w.add(last, x.shape, x.size)
    w.add(every, (3, *x.shape), x.size)


_STEPS: tuple[Callable[[Growth], None], ...] = (
    *(_unary, _unary, _unary, _binary, _binary, _binary, _constant, _contraction, _normalised),
    *(_reduced, _moved, _moved, _moved, _concatenated, _chosen, _conditional, _repeated),
)
_SHAPES: tuple[tuple[int, ...], ...] = ((5, 7), (3, 1, 7), (2, 3, 5, 7), (4, 13), (1, 7), (7,))


def _feed(w: Growth, number: int) -> None:
    shape = _SHAPES[w.number(0, len(_SHAPES))]
    make = values.whole(-9, 10) if w.is_whole else values.between(-2, 2)
    w.add(w.g.feed(f"x{number}", *shape, make=make), shape, 9.0 if w.is_whole else 2.0)


def written(seed: int) -> Graph:
    """The graph of a seed."""
    draw = Draw("random graph", seed)
    t = _TYPES[int(draw.integers(0, len(_TYPES), 1)[0])]
    opset = _OPSETS[int(draw.integers(0, len(_OPSETS), 1)[0])]
    w = Growth(Graph(f"graphs/random/seed/{t}/{seed:03d}", t, opset, PLAIN), draw)
    for number in range(w.number(1, 4)):
        _feed(w, number)
    feeds, wanted = len(w.items), w.number(5, 26)
    for _ in range(4 * wanted):
        if len(w.g.nodes) >= wanted:
            break
        _STEPS[w.number(0, len(_STEPS))](w)
    made = w.items[feeds:]
    for item in made:
        if not item.read or w.number(0, 6) == 0:
            w.g.out_as(item.name, *item.shape)
    return w.g


def cases() -> Iterator[Source]:
    """Every random graph that says something."""
    for seed in range(COUNT):
        if seed not in VACUOUS:
            graph = written(seed)
            yield source_of(graph, f"{seed:03d}")

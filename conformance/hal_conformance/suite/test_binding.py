"""Bound buffers: read anew in every run, written where they lie."""

from __future__ import annotations

import numpy as np

from hal.errors import HALError, InputError
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("binding/reads-its-inputs-anew", "computes", "bind")
def test_a_binding_reads_its_inputs_in_every_run(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    with exe.bind(feeds) as bound:
        bound.run()
        for name, array in zoo.feeds(start=30).items():
            bound.inputs[name][...] = array
        bound.run()
        promised = zoo.arithmetic_of(zoo.feeds(start=30))
        check.same_all({name: bound.outputs[name] for name in promised}, promised)


@promise("binding/writes-to-given-buffers", "computes", "bind")
def test_a_binding_writes_where_it_was_told(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    promised = zoo.arithmetic_of(feeds)
    buffers = {name: np.zeros_like(array) for name, array in promised.items()}
    with exe.bind(feeds, buffers) as bound:
        bound.run()
        check.same_all(buffers, promised, "given buffer")


@promise("binding/names-its-buffers", "computes", "bind")
def test_a_binding_names_its_buffers(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    with exe.bind(feeds) as bound:
        bound.run()
        check.equal(set(bound.inputs), set(feeds), "names of the bound inputs")
        promised = zoo.arithmetic_of(feeds)
        check.equal(set(bound.outputs), set(promised), "names of the bound outputs")
        for name, array in promised.items():
            check.same(bound.outputs[name], array, f"bound output {name!r}")


@promise("binding/bindings-are-independent", "computes", "bind")
def test_two_bindings_do_not_share_buffers(exe: Executable, zoo: Zoo) -> None:
    low, high = zoo.feeds(), zoo.feeds(start=30)
    with exe.bind(low) as first, exe.bind(high) as second:
        first.run()
        second.run()
        for name, array in zoo.arithmetic_of(low).items():
            check.same(first.outputs[name], array, f"{name!r} of the first binding")


@promise("binding/wrong-buffers-are-refused", "bind")
def test_a_binding_refuses_wrong_buffers(exe: Executable, feeds: dict[str, Array]) -> None:
    with check.refuses(InputError, what="a bound feed of a wrong shape", saying="left"):
        exe.bind({**feeds, "left": feeds["left"][:1]}).close()
    with check.refuses(InputError, what="an unknown output", saying="nobody"):
        exe.bind(feeds, {"nobody": feeds["left"]}).close()
    for wrong in (feeds["left"][:1].copy(), feeds["left"].astype(np.bool_)):
        with check.refuses(HALError, what=f"a buffer of {wrong.dtype} {wrong.shape}"):
            _use(exe, feeds, wrong)


def _use(exe: Executable, feeds: dict[str, Array], total: Array) -> None:
    with exe.bind(feeds, {"total": total}) as bound:
        bound.run()

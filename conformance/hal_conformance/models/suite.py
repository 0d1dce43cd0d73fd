"""Pretrained models for the runner: `hal conform --suite models`.

Not part of `all`, because it downloads: packages of some 400 MB, kept in the cache. What is not
here and cannot be had is a SKIP whose reason is the command that fetches it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import onnx

from hal.device import Device
from hal.errors import DeviceNotFound
from hal.targets import Target
from hal_conformance.corpus.rows import row_of
from hal_conformance.frozen.bounding import declared
from hal_conformance.models import catalogue, devices, judging
from hal_conformance.models.cases import Case
from hal_conformance.models.expected import Bounds
from hal_conformance.models.packages import Missing, Packages
from hal_conformance.models.pretrained import Input, Pretrained
from hal_conformance.numerics.arithmetic import ARITHMETICS
from hal_conformance.records import IndexRow, Outcome
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.standard_suite import placement_of

NAME = "models"


class ModelsSuite:
    """Every input of every pretrained model, as a case.

    Args:
        packages: where the models come from; None for the usual place.
        bounds: where their bounds are kept; None for the usual place.
        models: which models; the whole catalogue by default.
    """

    def __init__(
        self,
        packages: Packages | None = None,
        bounds: Bounds | None = None,
        models: Sequence[Pretrained] = catalogue.MODELS,
    ) -> None:
        self._packages = packages or Packages()
        self._bounds = bounds or Bounds()
        self._models = models

    @cached_property
    def _listed(self) -> dict[str, tuple[Pretrained, Input]]:
        return {id: (model, given) for id, model, given in catalogue.cases(self._models)}

    def _case(self, id: str) -> Case:
        """A new one each time, lest all models be held in memory."""
        return Case(id, *self._listed[id], self._packages)

    def info(self) -> dict[str, Any]:
        """A hash over the models and what makes their inputs."""
        listed = "\n".join(_hash(self._case(id)) for id in self._listed)
        digest = hashlib.sha256(listed.encode()).hexdigest()
        return {"hash": f"sha256:{digest}", "cases": len(self._listed), "onnx": None}

    def ids(self) -> Sequence[str]:
        """The ids of all cases, as the catalogue lists them."""
        return list(self._listed)

    def prepare(self, cases: Sequence[str], targets: Sequence[Target]) -> None:
        """Fetch the models and make their bounds; what cannot be had is a SKIP later."""
        for case in cases:
            for name in dict.fromkeys(declared(target) for target in targets):
                with suppress(Missing):
                    self._bounds.of(self._case(case), name)

    def facts(self, case: str) -> dict[str, Any]:
        """The case's hash, and the operators and types of its model where that is here."""
        found = self._case(case)
        known: dict[str, Any] = {"case_hash": _hash(found)}
        try:
            facts = found.compiled.facts
        except Missing:
            return known
        return known | {"ops": facts.ops, "dtypes": sorted(facts.dtypes)}

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """What each case exercises, node by node, where its model is here."""
        return [self._row(self._case(case)) for case in cases]

    def _row(self, case: Case) -> IndexRow:
        named = {"case": case.id, "case_hash": _hash(case), "suite": NAME}
        try:
            proto = case.proto
        except Missing:
            return IndexRow.model_validate(named)
        return IndexRow.model_validate({**row_of(without_weights(proto), NAME), **named})

    def observe(self, device: Device, case: str) -> Observation:
        """Compile, run once, and judge the outputs by the typical tier.

        Raises:
            HALError: the device refused, failed or was lost.
        """
        found, name = self._case(case), declared(device.target)
        try:
            feeds, expected = found.feeds, self._bounds.of(found, name)
        except Missing as missing:
            return Observation("SKIP", missing.message)
        with device.compile(found.compiled) as exe:
            started = perf_counter()
            try:
                got = exe.run_values(feeds)
            except DeviceNotFound as error:  # built for a device that is not on this machine
                return Observation("COMPILED", error.message, compile_s=exe.compile_seconds)
            seconds = perf_counter() - started
            placement = placement_of(device, exe)
        verdict = judging.judge(
            found.names,
            got,
            lambda how: self._bounds.of(found, how),
            lambda how: devices.run(found.proto, found.quantities, ARITHMETICS[how]),
            name,
        )
        bounds = judging.record(verdict, name, judging.changed(found.names, got, expected))
        told = verdict.outputs if verdict.outcome is not Outcome.PASS else ()
        return Observation(
            bounds.outcome.value,
            bounds.reason,
            compile_s=exe.compile_seconds,
            run_s=seconds,
            outputs=tuple(output.record().model_dump() for output in told),
            placement=placement,
            judged_by=(f"typical {name}",),
            bounds=bounds.model_dump(mode="json"),
        )


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with large weights as mere inputs, whose values say nothing of operators."""
    lean = onnx.ModelProto()
    lean.CopyFrom(model)
    large = [t for t in lean.graph.initializer if len(t.SerializeToString()) > 4096]
    names = {value.name for value in lean.graph.input}
    for tensor in large:
        if tensor.name not in names:
            lean.graph.input.append(
                onnx.helper.make_tensor_value_info(
                    tensor.name, tensor.data_type, list(tensor.dims)
                )
            )
        lean.graph.initializer.remove(tensor)
    return lean


def _hash(case: Case) -> str:
    """Of the model, and of the code that makes its input: known without either."""
    digest = hashlib.sha256(f"{case.id} {case.model.sha256}".encode())
    for module in ("catalogue.py", "inputs.py"):
        digest.update((Path(__file__).parent / module).read_bytes())
    return f"sha256:{digest.hexdigest()}"

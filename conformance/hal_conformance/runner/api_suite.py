"""The API suite for the runner: contract tests, executed inside the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from hal.device import Device
from hal.worker.client import WorkerAdapter
from hal_conformance import suite
from hal_conformance.records import IndexRow
from hal_conformance.runner.outcome import Observation

NAME = "api"
_OF_THE_PROCESS = "api/process/"
"""What a device does to the process it lives in; called from here, it would be ours."""


class ApiSuite:
    """Contract tests as cases: see `hal_conformance.suite`."""

    @cached_property
    def _cases(self) -> dict[str, suite.Case]:
        return {case.id: case for case in suite.cases()}

    def info(self) -> dict[str, Any]:
        """A hash over the tests and what they lean on."""
        listed = "\n".join(f"{case.id} {case.hash}" for case in self._cases.values())
        digest = hashlib.sha256(listed.encode()).hexdigest()
        return {"hash": f"sha256:{digest}", "cases": len(self._cases), "onnx": None}

    def ids(self) -> Sequence[str]:
        """The ids of all contract tests."""
        return list(self._cases)

    def facts(self, case: str) -> dict[str, Any]:
        """A contract test has a hash, and no model of its own."""
        return {"case_hash": self._cases[case].hash}

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        """Rows without nodes."""
        return [
            IndexRow(case=case, case_hash=self._cases[case].hash, suite=NAME) for case in cases
        ]

    def observe(self, device: Device, case: str) -> Observation:
        """Run the test in the worker; where that has not got it, from here.

        Raises:
            HALError: the worker was lost, or the test could not be called.
        """
        target = device.target
        arguments: dict[str, Any] = {"case": case, "target": target.to_json()}
        if target.is_foreign and case.startswith(_OF_THE_PROCESS):
            return Observation("SKIP", "the device does not live in the process that asks")
        if target.is_foreign:
            return _observation(suite.run_case(device.adapter, **arguments))
        worker = device.adapter
        if not isinstance(worker, WorkerAdapter):
            return _observation(suite.run_case(worker, **arguments))
        found = worker.call(
            "hal_conformance.suite.execute:run_case",
            arguments,
            timeout_s=max(self._cases[case].timeout_s, target.timeouts.run_s),
        )
        return _observation(found)


def _observation(found: dict[str, Any]) -> Observation:
    return Observation(
        str(found["outcome"]),
        found.get("reason"),
        run_s=found.get("seconds"),
        judged_by=tuple(found.get("judged_by") or ("contract",)),
    )

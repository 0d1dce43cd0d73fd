"""Fingerprints of a run's targets, taken while it works, each in a worker of its own.

Nothing that befalls such a worker touches the run: a target that cannot be asked has no facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread

from hal.errors import HALError
from hal.targets import Target
from hal.worker.client import WorkerAdapter
from hal_conformance.fingerprint.take import fingerprint

BUDGET_S = 60.0
"""How long one target is asked at most; facts that were not reached are left out."""

GRACE_S = 30.0
"""How long a probe that has begun is waited for, over the budget."""


class Background:
    """Asks the targets one after the other, in a thread.

    Args:
        targets: whom to ask; none is allowed.
        started: told of each worker; what it raises ends the asking.
    """

    def __init__(
        self, targets: Sequence[Target], started: Callable[[WorkerAdapter], None]
    ) -> None:
        self._asked: dict[str, Future[dict[str, str]]] = {t.name: Future() for t in targets}
        self._targets = targets
        self._started = started
        Thread(target=self._ask, name="hal-fingerprint", daemon=True).start()

    def _ask(self) -> None:
        for target in self._targets:
            try:
                facts = fingerprint(target, self._started, budget_s=BUDGET_S)
            except Exception as error:  # noqa: BLE001  it is kept, and ends this target alone
                self._asked[target.name].set_exception(error)
            else:
                self._asked[target.name].set_result(facts)

    def facts(self, target: str) -> dict[str, str]:
        """Fact id -> value; none of a target that could not be asked, or not in time."""
        asked = self._asked.get(target)
        if asked is None:
            return {}
        try:
            return asked.result(BUDGET_S + GRACE_S)
        except (HALError, TimeoutError):
            return {}

"""The same feeds give the same bits, where the device claims it."""

from __future__ import annotations

import numpy as np

from hal.device import Device
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise

_SIZE = 48


@promise("determinism/twenty-runs", "computes", "deterministic")
def test_twenty_runs_give_the_same_bits(device: Device, zoo: Zoo) -> None:
    count = np.arange(1, _SIZE * _SIZE + 1).reshape(_SIZE, _SIZE)
    feeds = {  # sums of these round differently in every order
        "a": (1.0 / count).astype(zoo.dtype.numpy),
        "b": (count % 17 / 3.0 - 2.5).astype(zoo.dtype.numpy),
    }
    with device.compile(zoo.product(_SIZE)) as exe:
        first = exe(feeds)["y"].tobytes()
        for run in range(2, 21):
            check.equal(exe(feeds)["y"].tobytes() == first, True, f"run {run} equals run 1")

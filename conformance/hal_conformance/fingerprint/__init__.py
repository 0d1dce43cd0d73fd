"""The arithmetic of a device, told from what it answers to small probes.

    fact.py     Probe and Fact; the hash over facts
    lab.py      a probe's models, compiled and run; a device that dies is opened again
    take.py     all probes on one target, in a worker of its own
    probes/     what is asked: sums, formats, orders, subnormals, casts, special values, ...

Every fact is one question, the models that ask it, what was seen, and a short stable value.
docs/fingerprint.md says how each is concluded.
"""

from __future__ import annotations

from hal_conformance.fingerprint.fact import Fact, digest
from hal_conformance.fingerprint.take import Taken, fingerprint, take

__all__ = ["Fact", "Taken", "digest", "fingerprint", "take"]

"""Generates one part of onnx's suite: `python -m hal_conformance.corpus.generate I N FOLDER`.

Started by build.py, several at once, each in a process of its own. It ends when its standard
input closes: it dies with its parent.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path


def main(part: int, parts: int, folder: Path) -> None:
    """Write part `part` of `parts` to `folder`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # the standard divides by zero on purpose

    from hal_conformance.corpus import onnx_suite
    from hal_conformance.corpus.folder import Part

    onnx_suite.settle()
    collected = Part(folder, part)
    for unit in onnx_suite.units(part, parts):
        for source in onnx_suite.cases(unit):
            collected.add(source)
    collected.write()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))

"""A model as a file, with the files its weights lie in beside it, for SDKs that read files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hal.model import Model


def as_file(model: Model, folder: Path) -> Path:
    """The model as an .onnx file: the one it came from, or one in the folder, which is empty.

    Weights in files of their own are copied beside a model that was given as bytes: vendors
    refuse symbolic links that leave a folder, and onnx 1.23 files with several hard links.

    Raises:
        InputError: weights lie outside the model's own folder.
    """
    facts = model.facts
    path = model.path
    if path is not None and path.suffix == ".onnx" and model.folder == path.parent:
        return path
    for name, weights in zip(facts.external, model.external_paths(), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights, folder / name)
    staged = folder / "model.onnx"
    staged.write_bytes(model.bytes())
    return staged


@contextmanager
def inside(folder: Path) -> Generator[None, None, None]:
    """The current folder is this one meanwhile, for vendors who leave files there.

    It is that of the whole process: contextlib.chdir does this from Python 3.11 on.
    """
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)

"""Every mistake in a devices.yaml is told with file, line, column and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal import targets
from hal.errors import InputError

MISTAKES = {
    "an unknown key": (
        "targets:\n  lab:\n    adaptor: x\n    device: cpu\n",
        "3:5: unknown key 'adaptor' of target 'lab'; did you mean 'adapter'?",
    ),
    "an unknown key of the file": ("target: {}\n", "1:1: unknown key 'target'; did you mean"),
    "an unknown option": (
        "targets:\n  lab: {adapter: x, device: y, options: {thread: 2}}\n",
        "2:42: unknown key 'options.thread' of target 'lab'; did you mean 'threads'?",
    ),
    "a wrong word": (
        "targets:\n  lab: {adapter: x, device: y, options: {goal: trouput}}\n",
        "2:48: 'options.goal' of target 'lab' is 'trouput'; did you mean 'throughput'?",
    ),
    "a wrong type": (
        "targets:\n  lab:\n    adapter: x\n    device: 0\n",
        "4:13: 'device' of target 'lab' is 0; it must be text",
    ),
    "text for a number": (
        "targets:\n  lab: {adapter: x, device: y, timeouts: {run_s: '3'}}\n",
        "2:50: 'timeouts.run_s' of target 'lab' is '3'; it must be a number",
    ),
    "a number that makes no sense": (
        "targets:\n  lab: {adapter: x, device: y, timeouts: {run_s: -3}}\n",
        "2:50: 'timeouts.run_s' of target 'lab' is -3; Input should be greater than 0",
    ),
    "a dimension of no length": (
        "targets:\n  lab: {adapter: x, device: y, options: {dimensions: {N: zero}}}\n",
        "2:58: 'options.dimensions.N' of target 'lab' is 'zero'; it must be a whole number",
    ),
    "a list item of the wrong type": (
        "targets:\n  lab:\n    extends: reference\n    labels:\n      - a\n      - 7\n",
        "6:9: 'labels.1' of target 'lab' is 7; it must be text",
    ),
    "one word for a list": (
        "targets:\n  lab: {extends: reference, labels: npu}\n",
        "2:37: 'labels' of target 'lab' is 'npu'; it must be a list",
    ),
    "a target that is no mapping": ("targets:\n  lab: 3\n", "2:8: 'targets.lab' is 3; it must"),
    "a name with a colon": (
        "targets:\n  'a:b': {extends: reference}\n",
        "2:3: 'a:b' cannot name a target: a colon names a device ad hoc",
    ),
    "a name with a space": (
        "targets:\n  a b: {extends: reference}\n",
        "2:3: 'a b' cannot name",
    ),
    "no device": ("targets:\n  lab: {adapter: x}\n", "2:3: target 'lab' has no device"),
    "nothing at all": (
        "targets:\n  lab: {}\n",
        "2:3: target 'lab' has no adapter and no device",
    ),
    "an unknown base": (
        "targets:\n  lab: {extends: referense}\n",
        "2:18: extends 'referense', which is no target here; did you mean 'reference'?",
    ),
    "half an ad-hoc base": ("targets:\n  lab: {extends: 'x:'}\n", "2:18: 'x:' does not name a"),
    "a circle": (
        "targets:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: b}\n",
        "3:16: targets extend each other in a circle: a -> b -> c -> b",
    ),
    "its own name, which nothing below has": (
        "targets:\n  lab: {extends: lab}\n",
        "2:18: extends 'lab', which is no target here",
    ),
    "a name twice": (
        "targets:\n  lab: {extends: reference}\n  lab: {extends: onnxruntime}\n",
        '3:3: found duplicate key "lab"',
    ),
    "a key twice": (
        "targets:\n  lab:\n    device: a\n    device: b\n",
        '4:5: found duplicate key "device"',
    ),
    "broken YAML": ("targets: [\n", "2:1: expected the node content"),
    "a tab": ("targets:\n\tlab: 1\n", "2:1: found character '\\t'"),
    "a list": ("- lab\n", "1:1: a devices file is a mapping with the key 'targets'"),
    "an empty file": ("", "1:1: a devices file is a mapping with the key 'targets'"),
    "no targets": ("schema: 1\n", "1:1: the key 'targets' is missing"),
    "a version of Python that YAML takes for a number": (
        "targets:\n  lab: {extends: reference, env: {requires: [a], python: 3.10}}\n",
        "2:58: 'env.python' of target 'lab' is 3.1; it must be text",
    ),
    "a version of Python that is none": (
        "targets:\n  lab: {extends: reference, env: {requires: [a], python: '2'}}\n",
        "2:58: 'env.python' of target 'lab' is '2'; it must be a version of Python, such as",
    ),
    "an environment of nothing": (
        "targets:\n  lab: {extends: reference, env: {requires: []}}\n",
        "2:45: 'env.requires' of target 'lab' is []; List should have at least 1 item",
    ),
    "an unknown key of an environment": (
        "targets:\n  lab: {extends: reference, env: {require: [a]}}\n",
        "2:35: unknown key 'env.require' of target 'lab'; did you mean 'requires'?",
    ),
    "an environment and an interpreter": (
        "targets:\n  lab: {extends: reference, python: python3, env: {requires: [a]}}\n",
        "2:51: target 'lab' has both an env and a python",
    ),
    "a host without its kind": (
        "targets:\n  lab: {extends: reference, host: user@board}\n",
        "2:35: 'host' of target 'lab' is 'user@board'; it must be ssh://user@board, with",
    ),
    "a later schema": ("schema: 2\ntargets: {}\n", "1:9: 'schema' is 2; it may be 1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place(mistake: str, tmp_path: Path) -> None:
    text, told = MISTAKES[mistake]
    file = tmp_path / "lab.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        targets.all([file])
    assert f"{file}:{told}" in caught.value.message


def test_every_mistake_of_a_file_is_told_at_once_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("targets:\n  b: {label: []}\n  a: {labels: 3}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        targets.all([file])
    lines = caught.value.message.splitlines()
    assert [line.split(":")[1] for line in lines] == ["2", "3"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the devices file .*lab\.yaml"):
        targets.all([tmp_path / "lab.yaml"])


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_bytes(b"\xff\xfe\x00targets")
    with pytest.raises(InputError, match=r"cannot read the devices file .*lab\.yaml"):
        targets.all([file])


def test_no_yaml_tag_makes_an_object(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    text = "targets: {lab: {extends: reference, python: !!python/name:os.system }}\n"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"lab\.yaml:1"):
        targets.all([file])

"""Names of targets: ad hoc, from our devices.yaml, from the user's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hal import targets
from hal.errors import AdapterError, InputError
from hal.spec import CompileOptions
from hal.targets import EnvSpec, Target, Timeouts, resolve


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that no devices.yaml lies in it by chance."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_an_ad_hoc_name_asks_for_float32_arithmetic() -> None:
    target = resolve("openvino:cpu")
    assert (target.adapter, target.device) == ("openvino", "cpu")
    assert target.options == CompileOptions(arithmetic="fp32")
    assert target.arithmetic == "fp32"


def test_a_device_may_hold_colons_of_its_own() -> None:
    assert resolve("openvino:HETERO:GPU,CPU").device == "HETERO:GPU,CPU"


@pytest.mark.parametrize("name", [":cpu", "openvino:", ": "])
def test_half_an_ad_hoc_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="adapter:device"):
        resolve(name)


def test_ad_hoc_names_need_neither_yaml_nor_pydantic() -> None:
    code = (
        "import sys, hal.targets; hal.targets.resolve('openvino:cpu');"
        "print({'ruamel.yaml', 'pydantic', 'onnx', 'openvino'} & set(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "set()"


def test_the_shipped_targets_are_the_ones_we_promise() -> None:
    found = targets.all()
    promised = ["reference", "onnxruntime", "openvino", "openvino-default"]
    promised += ["qnn-htp-v75", "qnn-htp-v73", "webgpu"]
    assert set(promised) <= set(found)
    assert all(":" not in name for name in found)


@pytest.mark.parametrize("name", ["reference", "onnxruntime", "openvino"])
def test_a_shipped_target_is_its_adapters_cpu_in_float32(name: str) -> None:
    named, ad_hoc = resolve(name), resolve(f"{name}:cpu")
    assert (named.adapter, named.device) == (ad_hoc.adapter, ad_hoc.device)
    assert named.options == ad_hoc.options
    assert named.arithmetic == "fp32"


def test_openvino_default_asks_for_nothing_and_claims_nothing() -> None:
    target = resolve("openvino-default")
    assert target.options.arithmetic is None
    assert target.arithmetic is None
    assert "vendor-default" in target.labels


def test_a_wrong_name_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'openvino-default'"):
        resolve("openvino-defalt")


def test_a_file_in_the_current_folder_is_read_unasked(elsewhere: Path) -> None:
    write(elsewhere / "devices.yaml", "targets: {lab: {adapter: reference, device: cpu}}")
    assert resolve("lab").adapter == "reference"
    assert "openvino" in targets.all()


def test_a_named_file_is_read_instead_of_the_one_in_the_current_folder(elsewhere: Path) -> None:
    write(elsewhere / "devices.yaml", "targets: {lab: {adapter: reference, device: cpu}}")
    other = write(
        elsewhere / "other.yaml", "targets: {bench: {adapter: reference, device: cpu}}"
    )
    found = targets.all([other])
    assert "bench" in found
    assert "lab" not in found


def test_later_files_win_by_name(elsewhere: Path) -> None:
    first = write(elsewhere / "1.yaml", "targets: {lab: {adapter: reference, device: one}}")
    second = write(elsewhere / "2.yaml", "targets: {lab: {adapter: reference, device: two}}")
    assert resolve("lab", [first, second]).device == "two"
    assert resolve("lab", [second, first]).device == "one"


def test_every_field_arrives(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml",
        """
schema: 1
targets:
  lab:
    adapter: reference
    device: cpu
    options:
      arithmetic: bf16
      dimensions: {N: 2}
      allow_fallback: true
      threads: 3
      goal: throughput
      vendor: {level: 9, list: [1, {a: null}]}
    arithmetic: mixed
    labels: [rack-4, npu]
    timeouts: {start_s: 1, compile_s: 2.5, run_s: 3}
    expectations: [known/lab.toml]
    python: envs/lab/bin/python
""",
    )
    vendor = {"level": 9, "list": [1, {"a": None}]}
    assert resolve("lab", [file]) == Target(
        name="lab",
        adapter="reference",
        device="cpu",
        options=CompileOptions("bf16", {"N": 2}, True, 3, "throughput", vendor),
        arithmetic="mixed",
        labels=("rack-4", "npu"),
        timeouts=Timeouts(1, 2.5, 3),
        expectations=(elsewhere / "known/lab.toml",),
        python=str(elsewhere / "envs/lab/bin/python"),
        source=f"{file}:4",
    )


def test_an_environment_and_a_host_arrive_and_are_told_as_json(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml",
        """
targets:
  sim: {extends: reference, env: {requires: [a==1, 'b>2'], python: '3.10'}}
  board: {extends: reference, host: 'ssh://root@10.0.0.7:2222'}
""",
    )
    sim, board = resolve("sim", [file]), resolve("board", [file])
    assert (sim.env, sim.host) == (EnvSpec(("a==1", "b>2"), "3.10"), None)
    assert (board.env, board.host) == (None, "ssh://root@10.0.0.7:2222")
    assert sim.to_json()["env"] == {"requires": ["a==1", "b>2"], "python": "3.10"}
    assert EnvSpec.from_json(sim.to_json()["env"]) == sim.env
    assert board.to_json()["host"] == board.host


def test_an_inherited_environment_can_be_changed_or_undone(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml",
        """
targets:
  base: {extends: reference, env: {requires: [a], python: '3.12'}}
  newer: {extends: base, env: {requires: [b]}}
  here: {extends: base, env: null}
""",
    )
    assert resolve("newer", [file]).env == EnvSpec(("b",), "3.12")
    assert resolve("here", [file]).env is None


def test_what_is_asked_for_is_claimed_unless_the_file_says_otherwise(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml",
        """
targets:
  asked: {adapter: reference, device: cpu, options: {arithmetic: bf16}}
  unclaimed: {adapter: reference, device: cpu, options: {arithmetic: bf16}, arithmetic: null}
""",
    )
    assert resolve("asked", [file]).arithmetic == "bf16"
    assert resolve("unclaimed", [file]).arithmetic is None


def test_extends_takes_over_what_is_not_said_and_merges_mappings(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml",
        """
targets:
  top: {extends: middle, timeouts: {run_s: 9}, labels: [top]}
  middle: {extends: base, options: {threads: 2, vendor: {b: 2}}}
  base:
    adapter: reference
    device: cpu
    options: {goal: throughput, vendor: {a: 1, b: 1}}
    timeouts: {compile_s: 5}
    labels: [base]
""",
    )
    top = resolve("top", [file])
    assert (top.adapter, top.device, top.labels) == ("reference", "cpu", ("top",))
    assert (top.options.threads, top.options.goal) == (2, "throughput")
    assert top.options.vendor == {"a": 1, "b": 2}
    assert top.timeouts == Timeouts(compile_s=5, run_s=9)


def test_a_target_may_extend_a_shipped_one_of_its_own_name(elsewhere: Path) -> None:
    file = write(
        elsewhere / "lab.yaml", "targets: {openvino: {extends: openvino, labels: [mine]}}"
    )
    target = resolve("openvino", [file])
    assert (target.adapter, target.options.arithmetic) == ("openvino", "fp32")
    assert target.labels == ("mine",)


def test_a_target_may_extend_an_ad_hoc_name(elsewhere: Path) -> None:
    file = write(elsewhere / "lab.yaml", "targets: {lab: {extends: 'reference:cpu'}}")
    assert resolve("lab", [file]).options.arithmetic == "fp32"


def test_null_undoes_what_is_inherited(elsewhere: Path) -> None:
    text = "targets: {lab: {extends: openvino, options: {arithmetic: null}}}"
    target = resolve("lab", [write(elsewhere / "lab.yaml", text)])
    assert target.options.arithmetic is None
    assert target.arithmetic is None


def test_paths_are_relative_to_the_file_that_writes_them(elsewhere: Path) -> None:
    folder = elsewhere / "fleet"
    folder.mkdir()
    text = "targets: {lab: {extends: reference, expectations: [lab.toml]}}"
    base = write(folder / "base.yaml", text)
    top = write(elsewhere / "top.yaml", "targets: {mine: {extends: lab}}")
    assert resolve("mine", [base, top]).expectations == (folder / "lab.toml",)


def test_an_interpreter_without_a_slash_is_looked_for_by_the_system(elsewhere: Path) -> None:
    text = "targets: {lab: {extends: reference, python: python3.10}}"
    assert resolve("lab", [write(elsewhere / "lab.yaml", text)]).python == "python3.10"


def test_an_unknown_adapter_is_told_where_it_is_written_and_the_nearest(
    elsewhere: Path,
) -> None:
    text = "targets:\n  lab: {device: cpu, adapter: referense}\n"
    file = write(elsewhere / "lab.yaml", text)
    with pytest.raises(AdapterError, match=r"lab\.yaml:2:31: .*did you mean 'reference'"):
        resolve("lab", [file])
    assert resolve("onnxruntime", [file]).name == "onnxruntime"


def test_an_adapter_in_another_interpreter_is_not_looked_for_here(elsewhere: Path) -> None:
    text = "targets: {lab: {adapter: elsewhere, device: '0', python: python3.10}}"
    assert resolve("lab", [write(elsewhere / "lab.yaml", text)]).adapter == "elsewhere"

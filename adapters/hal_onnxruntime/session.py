"""The one place that makes ONNX Runtime sessions, and what is needed to make the same again.

Nothing here falls back silently: an execution provider that is missing, or that ONNX Runtime
drops with no more than a log line, is an error; so is a node that would run on the CPU
unasked (`session.disable_cpu_ep_fallback`), unless the target allows fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from hal.errors import DeviceError, DeviceNotFound, SDKMissing
from hal.model import Model
from hal.spec import CompileOptions
from hal_onnxruntime import options as vendor_options

INSTALL = "pip install 'onnx-hal[onnxruntime]'"
CPU = "CPUExecutionProvider"


def sdk() -> Any:
    """The `onnxruntime` module.

    Raises:
        SDKMissing: it is not installed.
    """
    try:
        return import_module("onnxruntime")
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise SDKMissing(
            f"the package onnxruntime is not installed; install it with: {INSTALL}",
            install=INSTALL,
        ) from error


@dataclass(frozen=True)
class Recipe:
    """All that makes a session: the model, the execution provider, the options.

    `fixed` are attributes of SessionOptions that win over the user's; `devices` are the
    `OrtEpDevice`s of an execution provider that is a plugin, empty for a built-in one.
    """

    model: Model
    provider: str
    options: CompileOptions
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    devices: tuple[Any, ...] = ()

    @property
    def refuses_cpu(self) -> bool:
        """Whether a node that ONNX Runtime would run on the CPU unasked is an error."""
        recorded = vendor_options.word(self.options.vendor, "cpu_fallback") == "record"
        return self.provider != CPU and not self.options.allow_fallback and not recorded

    @property
    def memory(self) -> Any:
        """The `OrtMemoryInfo` of a plugin's own memory; None where it uses the host's."""
        return memory_of(self.devices[0]) if self.devices else None

    def session(self, **attributes: Any) -> Any:
        """A new `onnxruntime.InferenceSession`; `attributes` go into its SessionOptions.

        Raises:
            DeviceNotFound: this build of ONNX Runtime has no such execution provider.
            DeviceError: it has, but could not start it.
        """
        ort = sdk()
        session = ort.InferenceSession(
            self.source(),
            self.session_options(**attributes),
            providers=None if self.devices else self._built_in(ort),
            enable_fallback=0,  # else it prints, and retries on the CPU
        )
        if self.provider not in session.get_providers():
            raise DeviceError(
                f"onnxruntime dropped {self.provider} and kept {session.get_providers()}; "
                "its libraries or its device are missing: run with vendor option "
                "log_severity_level: 2 to see why"
            )
        return session

    def source(self) -> str | bytes:
        """The model as ONNX Runtime takes it."""
        return str(self.model.path) if self.model.path is not None else self.model.bytes()

    def _built_in(self, ort: Any) -> list[tuple[str, dict[str, str]]]:
        """What `InferenceSession` takes as providers, with their options."""
        available = ort.get_available_providers()
        if self.provider not in available:
            raise DeviceNotFound(
                f"onnxruntime {ort.__version__} here has no {self.provider}; it has {available}"
            )
        chosen = [(self.provider, self._provider_options())]
        if not self.refuses_cpu and self.provider != CPU:
            chosen.append((CPU, {}))
        return chosen

    def _provider_options(self) -> dict[str, str]:
        return vendor_options.strings(self.options.vendor, "provider_options")

    def session_options(self, **attributes: Any) -> Any:
        """A new `onnxruntime.SessionOptions` for this model on this execution provider."""
        ort = sdk()
        made = ort.SessionOptions()
        made.log_severity_level = 4
        made.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if self.refuses_cpu:
            made.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        if self.model.path is None and self.model.folder is not None:
            made.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", str(self.model.folder)
            )
        for name, length in self.options.dimensions.items():
            made.add_free_dimension_override_by_name(name, length)
        if self.options.threads is not None:
            made.intra_op_num_threads = self.options.threads
        vendor_options.apply(ort, made, self.options.vendor)
        for name, value in {**self.fixed, **attributes}.items():
            setattr(made, name, value)
        if self.devices:
            made.add_provider_for_devices(list(self.devices), self._provider_options())
        return made


def memory_of(device: Any) -> Any:
    """The `OrtMemoryInfo` of an `OrtEpDevice`'s own memory; None where it has none."""
    kinds = getattr(sdk(), "OrtDeviceMemoryType", None)
    return device.memory_info(kinds.DEFAULT) if kinds is not None else None

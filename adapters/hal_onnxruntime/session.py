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

    `fixed` are attributes of SessionOptions that win over the user's.
    """

    model: Model
    provider: str
    options: CompileOptions
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def session(self, **attributes: Any) -> Any:
        """A new `onnxruntime.InferenceSession`; `attributes` go into its SessionOptions.

        Raises:
            DeviceNotFound: this build of ONNX Runtime has no such execution provider.
            DeviceError: it has, but could not start it.
        """
        ort = sdk()
        available = ort.get_available_providers()
        if self.provider not in available:
            raise DeviceNotFound(
                f"onnxruntime {ort.__version__} here has no {self.provider}; it has {available}"
            )
        chosen = [
            (self.provider, vendor_options.strings(self.options.vendor, "provider_options"))
        ]
        if self.options.allow_fallback and self.provider != CPU:
            chosen.append((CPU, {}))
        session = ort.InferenceSession(
            _source(self.model),
            self._session_options(ort, attributes),
            providers=chosen,
            enable_fallback=0,  # else it prints, and retries on the CPU
        )
        if self.provider not in session.get_providers():
            raise DeviceError(
                f"onnxruntime dropped {self.provider} and kept {session.get_providers()}; "
                "its libraries or its device are missing: run with vendor option "
                "log_severity_level: 2 to see why"
            )
        return session

    def _session_options(self, ort: Any, attributes: Mapping[str, Any]) -> Any:
        made = ort.SessionOptions()
        made.log_severity_level = 4
        made.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if self.provider != CPU and not self.options.allow_fallback:
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
        return made


def _source(model: Model) -> str | bytes:
    return str(model.path) if model.path is not None else model.bytes()

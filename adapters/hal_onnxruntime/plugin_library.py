"""A plugin execution provider: its library, found, loaded once a process, and described.

A device id is `LIBRARY[#EP[:N]]`. LIBRARY is the path of the library, or the Python module that
ships one (`onnxruntime_qnn`; such modules have `get_library_path`). EP is the execution
provider's name, wanted where the library offers several or takes any name it is given (QNN
does); N counts, from 0, the devices that it offers (0 where it is left out).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, TypeAlias

from hal.errors import DeviceError, DeviceNotFound, SDKMissing
from hal.spec import DeviceInfo
from hal_onnxruntime.devices import Kind
from hal_onnxruntime.session import memory_of, sdk

Facts: TypeAlias = "Mapping[str, str]"

FEATURES = frozenset({"bind", "concurrent", "dynamic_shapes", "placement", "query", "save"})
"""What holds for every plugin: ONNX Runtime itself does it."""

_KINDS: Mapping[str, Kind] = {"CPU": "cpu", "GPU": "gpu", "NPU": "npu"}
_SIMULATED = frozenset({"Qualcomm"})  # whose libraries for x86 imitate their chips
_X86 = frozenset({"x86_64", "AMD64", "i386", "i686"})
_SUFFIXES = (".so", ".dll", ".dylib")

# ONNX Runtime's own registry is the process's: what this process has loaded, by path.
_loaded: dict[Path, tuple[Any, ...]] = {}


@dataclass(frozen=True)
class PluginDevice:
    """One device of a plugin execution provider, as a device id names it."""

    id: str
    library: str
    ep: str | None = None
    number: int = 0

    @classmethod
    def parse(cls, device: str) -> PluginDevice:
        """The device that an id names; nothing is looked up."""
        library, _, rest = device.partition("#")
        ep, colon, number = rest.rpartition(":")
        if colon and number.isdecimal():
            return cls(device, library, ep or None, int(number))
        return cls(device, library, rest or None)

    @property
    def module(self) -> str | None:
        """The Python module that ships the library; None where its path was given."""
        is_path = any(mark in self.library for mark in ("/", "\\"))
        return None if is_path or self.library.endswith(_SUFFIXES) else self.library

    @cached_property
    def path(self) -> Path:
        """Where the library lies.

        Raises:
            DeviceNotFound: it is not there. SDKMissing: the module is not installed.
        """
        path = Path(self.library if self.module is None else self._shipped().get_library_path())
        if not path.is_file():
            raise DeviceNotFound(
                f"no plugin library at {path.absolute()}: it is not a file", device=self.id
            )
        return path.resolve()

    def find(self) -> Any:
        """ONNX Runtime's `OrtEpDevice`; the library is loaded where it has not been.

        Raises:
            DeviceNotFound: the library offers no such device on this machine.
            DeviceError: it cannot be loaded.
        """
        offered = self._offered()
        fitting = [found for found in offered if self.ep in (None, found.ep_name)]
        if self.number < len(fitting):
            return fitting[self.number]
        listed = [described(found) for found in offered]
        wanted = f"{self.ep or 'execution provider'}, device {self.number}"
        raise DeviceNotFound(
            f"{self.path} offers no {wanted}, on this machine; it offers {listed or 'none'}",
            device=self.id,
        )

    def info(self) -> DeviceInfo:
        """What is known of the device."""
        found = self.find()
        facts = {
            "hardware": str(found.device.type).rpartition(".")[2],
            "vendor": str(found.ep_vendor),
            "version": self._version() or dict(found.ep_metadata).get("version", ""),
            "ep": str(found.ep_name),
            "memory": memory.name if (memory := memory_of(found)) is not None else "",
            "library": str(self.path),
        }
        return describe(self.id, facts)

    def _shipped(self) -> Any:
        try:
            module = import_module(str(self.module))
        except ModuleNotFoundError as error:
            name = str(self.module).replace("_", "-")
            raise SDKMissing(
                f"no Python module {self.module!r} to take a plugin library from ({error}); "
                "give its library's path, or install it",
                install=f"pip install {name}",
            ) from error
        if not hasattr(module, "get_library_path"):
            raise DeviceNotFound(
                f"Python module {self.module!r} ships no plugin execution provider: it has no "
                "get_library_path()",
                device=self.id,
            )
        return module

    def _version(self) -> str:
        """The version of the distribution that ships the module."""
        if self.module is None:
            return ""
        owners = packages_distributions().get(self.module.partition(".")[0], [])
        return version(owners[0]) if owners else ""

    def _registered_as(self) -> str:
        """The name to register it under, which some libraries take for their own."""
        if self.ep is not None:
            return self.ep
        if self.module is not None:
            names = getattr(self._shipped(), "get_ep_name", None)
            if names is not None:
                return str(names())
        return self.path.name.partition(".")[0]

    def _offered(self) -> tuple[Any, ...]:
        if self.path in _loaded:
            return _loaded[self.path]
        ort = sdk()
        if not hasattr(ort, "register_execution_provider_library"):
            raise DeviceError(
                f"onnxruntime {ort.__version__} loads no plugin execution providers; "
                "1.23 and later do: pip install --upgrade onnxruntime",
                device=self.id,
            )
        known = {found.ep_name for found in ort.get_ep_devices()}
        name = self._registered_as()
        try:
            ort.register_execution_provider_library(name, str(self.path))
        except Exception as error:
            raise DeviceError(
                f"onnxruntime {ort.__version__} cannot load {self.path} as a plugin execution "
                f"provider: {' '.join(str(error).split())}",
                device=self.id,
            ) from error
        offered = (found for found in ort.get_ep_devices() if found.ep_name not in known)
        return _loaded.setdefault(self.path, tuple(offered))


def described(found: Any) -> str:
    """An `OrtEpDevice` for people: the execution provider and the hardware under it."""
    return f"{found.ep_name} on {str(found.device.type).rpartition('.')[2]}"


def describe(device: str, facts: Facts) -> DeviceInfo:
    """The device as this package describes devices, from what ONNX Runtime says of it.

    Nobody says which opsets and types a plugin takes: none are claimed, and a model is offered.
    """
    kind = _KINDS.get(facts["hardware"], "npu")
    if facts["vendor"] in _SIMULATED and platform.machine() in _X86:
        kind = "simulator"
    return DeviceInfo(
        id=device,
        name=facts["ep"].removesuffix("ExecutionProvider"),
        vendor=facts["vendor"],
        kind=kind,
        sdk=facts["version"],
        driver=f"onnxruntime {sdk().__version__}",
        features=FEATURES,
        memories=("host", facts["memory"]) if facts["memory"] else ("host",),
        properties={
            "provider": facts["ep"],
            "library": facts["library"],
            "hardware": facts["hardware"],
        },
    )

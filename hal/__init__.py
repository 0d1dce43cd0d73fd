"""One device interface, per-vendor adapters, one model IR: ONNX.

    import hal
    exe = hal.load("model.onnx", device="openvino:cpu")
    y = exe({"x": x})

Users read `hal.device` and `hal.executable`; adapter writers read `hal.adapter`, `hal.spec`,
`hal.tensor` and `hal.errors`. Importing this package loads no vendor, and nothing else either:
names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal.adapter import Adapter as Adapter
    from hal.adapter import Program as Program
    from hal.device import Device as Device
    from hal.device import load as load
    from hal.device import open as open
    from hal.errors import AdapterError as AdapterError
    from hal.errors import ArtifactError as ArtifactError
    from hal.errors import CompileError as CompileError
    from hal.errors import DeviceError as DeviceError
    from hal.errors import DeviceLost as DeviceLost
    from hal.errors import DeviceNotFound as DeviceNotFound
    from hal.errors import ExecutionError as ExecutionError
    from hal.errors import HALError as HALError
    from hal.errors import InputError as InputError
    from hal.errors import OutOfMemory as OutOfMemory
    from hal.errors import SDKMissing as SDKMissing
    from hal.errors import Unsupported as Unsupported
    from hal.executable import BoundExecutable as BoundExecutable
    from hal.executable import Executable as Executable
    from hal.model import Model as Model
    from hal.spec import CompileOptions as CompileOptions
    from hal.spec import DeviceInfo as DeviceInfo
    from hal.spec import Placement as Placement
    from hal.spec import Support as Support
    from hal.spec import TensorSpec as TensorSpec
    from hal.targets import Target as Target
    from hal.tensor import Tensor as Tensor

_HOMES = {
    "hal.adapter": ("Adapter", "Program"),
    "hal.device": ("Device", "load", "open"),
    "hal.errors": (
        "AdapterError",
        "ArtifactError",
        "CompileError",
        "DeviceError",
        "DeviceLost",
        "DeviceNotFound",
        "ExecutionError",
        "HALError",
        "InputError",
        "OutOfMemory",
        "SDKMissing",
        "Unsupported",
    ),
    "hal.executable": ("BoundExecutable", "Executable"),
    "hal.model": ("Model",),
    "hal.spec": ("CompileOptions", "DeviceInfo", "Placement", "Support", "TensorSpec"),
    "hal.targets": ("Target",),
    "hal.tensor": ("Tensor",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("onnx-hal")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'hal' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME_OF, "__version__"])

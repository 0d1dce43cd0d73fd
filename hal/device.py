"""The user's side of a device: `load` and `open`, and the `Device` that compiles.

The shell does here, once, for every vendor: finding the target, checking a model's opsets and
types against the device's claim, timing, the compile cache, artifact headers, translation of
errors. A target runs in this process, or, `isolated`, in a worker that may die alone; one with
an interpreter, an environment or a machine of its own always does.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias, Union
from uuid import uuid4

from hal import artifact, registry, targets
from hal.adapter import Adapter, CanLoad, CanQuery, Program
from hal.closing import Closing
from hal.errors import ArtifactError, CompileError, DeviceError, InputError, Unsupported
from hal.executable import Executable
from hal.model import Model
from hal.options import over
from hal.spec import CompileOptions, DeviceInfo, ModelFacts, Support
from hal.targets import Target
from hal.translation import translated
from hal.worker.opening import adapter_of

if TYPE_CHECKING:
    import onnx

ModelSource: TypeAlias = Union["str | os.PathLike[str] | bytes | Model", "onnx.ModelProto"]


class Device(Closing):
    """One opened device; it compiles models, and revives saved ones.

    Close it, or use it as a context manager; its executables close with it.
    """

    def __init__(
        self, target: Target, adapter: Adapter, info: DeviceInfo, *, adapter_version: str = ""
    ) -> None:
        self.target = target
        self.adapter = adapter
        self.info = info
        self.adapter_version = adapter_version
        self._executables: dict[int, Executable] = {}
        self._lock = Lock()
        self._closed = False

    def compile(
        self,
        model: ModelSource,
        *,
        cache: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Executable:
        """Compile a model for this device.

        Args:
            model: a path, bytes, a parsed message, or a `hal.model.Model`.
            cache: a folder in which compiled forms are kept, where the device can save.
            **options: fields of `hal.spec.CompileOptions`, over those of the target; of
                `vendor` and `dimensions`, key by key.

        Raises:
            InputError: not a model, an option that does not exist or is of a wrong type, or a
                cache that cannot be written.
            Unsupported: a clean no: the opset, a type, an operator.
            CompileError: the vendor's compiler failed.
        """
        self._require_open()
        source = as_model(model)
        chosen = self._options(options)
        self.check(source)
        started = perf_counter()
        if cache is not None and self._can_save():
            return self._compile_cached(source, chosen, Path(cache), started)
        program = self._program(source, chosen)
        return self._executable(program, lambda: _digest(source), chosen, started)

    def load(self, saved: bytes) -> Executable:
        """Revive what `Executable.save` gave.

        Raises:
            ArtifactError: damaged, or saved by another device, SDK or version.
            InputError: not bytes.
            Unsupported: this device does not claim "save".
        """
        self._require_open()
        if not isinstance(saved, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InputError(
                f"a {type(saved).__name__} is no saved program; give the bytes that "
                "Executable.save returned"
            )
        header, blob = artifact.unpack(
            saved, self.adapter.name, self.adapter_version, self.info
        )
        try:
            options = CompileOptions.from_json(json.loads(header.options))
        except (TypeError, ValueError) as error:
            raise ArtifactError(
                f"this program was saved with options that are unknown here ({error}): compile "
                "the model again",
                device=self.info.id,
            ) from error
        started = perf_counter()
        program = self._revive(blob, options)
        return self._executable(program, lambda: header.model, options, started)

    def check(self, model: ModelSource) -> None:
        """Refuse a model that the device's claims exclude; nothing is compiled.

        Raises:
            Unsupported: an opset or a type that this device does not claim.
        """
        self._check_claims(as_model(model).facts)

    def query(self, model: ModelSource, **options: Any) -> Support:
        """Predict which nodes the device takes, and why not the others.

        Raises:
            Unsupported: this device does not claim "query".
        """
        self._require_open()
        if not (isinstance(self.adapter, CanQuery) and "query" in self.info.features):
            raise Unsupported(
                f"device {self.info.id!r} does not claim 'query'", device=self.info.id
            )
        source = as_model(model)
        chosen = self._options(options)
        with translated(self.adapter, CompileError, self.info.id):
            return self.adapter.query(source, self.info, chosen)

    def close(self) -> None:
        """Close the executables, then the adapter; again is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with ExitStack() as steps:  # the adapter last, and each whatever befell the others
            steps.callback(self._close_adapter)
            for executable in list(self._executables.values()):
                steps.callback(executable.close)

    def _close_adapter(self) -> None:
        with translated(self.adapter, DeviceError, self.info.id):
            self.adapter.close()

    def __repr__(self) -> str:
        return f"<Device {self.target.name}: {self.info.name}>"

    def _options(self, given: Mapping[str, Any]) -> CompileOptions:
        options = over(self.target.options, given)
        if self.target.is_ad_hoc and "arithmetic" not in given:
            # An ad-hoc name asks for float32 where the device knows how to be asked.
            known = options.arithmetic in self.info.arithmetic
            options = options if known else replace(options, arithmetic=None)
        if options.arithmetic is not None and options.arithmetic not in self.info.arithmetic:
            raise Unsupported(
                f"device {self.info.id!r} cannot be asked for {options.arithmetic!r} "
                f"arithmetic; it offers {list(self.info.arithmetic)}",
                device=self.info.id,
            )
        return options

    def _check_claims(self, facts: ModelFacts) -> None:
        for domain, version in facts.opsets.items():
            span = self.info.opsets.get(domain)
            if span is not None and not span[0] <= version <= span[1]:
                raise Unsupported(
                    f"the model is of opset {version} of {domain or 'ai.onnx'}; device "
                    f"{self.info.id!r} takes {span[0]} to {span[1]}",
                    opset=version,
                    device=self.info.id,
                )
        refused = sorted(facts.dtypes - self.info.dtypes) if self.info.dtypes else []
        if refused:
            raise Unsupported(
                f"the model holds {refused[0]} values; device {self.info.id!r} takes "
                f"{sorted(self.info.dtypes)}",
                dtype=refused[0],
                device=self.info.id,
            )

    def _can_save(self) -> bool:
        return isinstance(self.adapter, CanLoad) and "save" in self.info.features

    def _compile_cached(
        self, model: Model, options: CompileOptions, folder: Path, started: float
    ) -> Executable:
        parts = (
            self.adapter.name,
            self.adapter_version,
            self.info.sdk,
            self.info.driver,
            self.info.id,
            self.info.name,
            model.digest,
            options.key(),
        )
        path = folder / f"{hashlib.sha256(repr(parts).encode()).hexdigest()}.hal"
        program = self._kept(path, options)
        if program is not None:
            return self._executable(program, lambda: model.digest, options, started)
        program = self._program(model, options)
        executable = self._executable(program, lambda: model.digest, options, started)
        try:
            _write_atomically(path, executable.save())
        except Unsupported:
            pass  # the device saves programs, but not this one: there is nothing to keep
        except BaseException:
            executable.close()
            raise
        return executable

    def _kept(self, path: Path, options: CompileOptions) -> Program | None:
        """The program in a cache's file; None where it is to be made again."""
        try:
            _, blob = artifact.unpack(
                path.read_bytes(), self.adapter.name, self.adapter_version, self.info
            )
            return self._revive(blob, options)
        except (OSError, ArtifactError, CompileError, Unsupported):
            return None

    def _program(self, model: Model, options: CompileOptions) -> Program:
        with translated(self.adapter, CompileError, self.info.id):
            return self.adapter.compile(model, self.info, options)

    def _revive(self, blob: bytes, options: CompileOptions) -> Program:
        if not (isinstance(self.adapter, CanLoad) and self._can_save()):
            raise Unsupported(
                f"device {self.info.id!r} does not claim 'save'", device=self.info.id
            )
        with translated(self.adapter, ArtifactError, self.info.id):
            return self.adapter.load(blob, self.info, options)

    def _executable(
        self,
        program: Program,
        digest: Callable[[], str],
        options: CompileOptions,
        started: float,
    ) -> Executable:
        executable = Executable(
            program,
            self.adapter,
            self.info,
            adapter_version=self.adapter_version,
            model_digest=digest,
            options=options,
            compile_seconds=perf_counter() - started,
            on_close=lambda: self._forget(executable),
        )
        with self._lock:
            if not self._closed:
                self._executables[id(executable)] = executable
                return executable
        executable.close()
        raise InputError("this device was closed while it compiled; open it again")

    def _forget(self, executable: Executable) -> None:
        self._executables.pop(id(executable), None)

    def _require_open(self) -> None:
        if self._closed:
            raise InputError("this device is closed; open it again")


def as_model(source: ModelSource) -> Model:
    """A `Model` over anything that is one."""
    if isinstance(source, Model):
        return source
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        return Model(source)
    if hasattr(source, "SerializeToString"):
        return Model(_serialised(source))
    raise InputError(
        f"a {type(source).__name__} is not a model; give a path, bytes, or an onnx.ModelProto"
    )


def open(
    device: str | Target,
    *,
    isolated: bool = False,
    files: Sequence[str | os.PathLike[str]] = (),
) -> Device:
    """Open a device by the name of its target.

    Args:
        device: a name of `devices.yaml`, an ad-hoc `adapter:device`, or a Target.
        isolated: run the vendor in a worker process, which may die without this one.
        files: devices.yaml files to read on top of the shipped one.

    Raises:
        InputError: no such target. AdapterError: no such adapter. SDKMissing: its vendor's
        package is not installed. DeviceNotFound: no such device on this machine.
        HostUnreachable: the target's own machine does not answer.
    """
    target = (
        device
        if isinstance(device, Target)
        else targets.resolve(device, [Path(f) for f in files])
    )
    registered = registry.entry(target.adapter)
    adapter = adapter_of(target, isolated=isolated)
    try:
        with translated(adapter, DeviceError, target.device):
            info = adapter.find(target.device)
    except BaseException:
        adapter.close()
        raise
    return Device(target, adapter, info, adapter_version=registered.version)


def load(
    model: ModelSource,
    device: str | Target = "reference",
    *,
    isolated: bool = False,
    files: Sequence[str | os.PathLike[str]] = (),
    cache: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Executable:
    """Open a device and compile a model on it; the device closes with the executable.

    Raises:
        HALError: as `open` and `Device.compile` say.
    """
    opened = open(device, isolated=isolated, files=files)
    try:
        executable = opened.compile(model, cache=cache, **options)
    except BaseException:
        opened.close()
        raise
    executable.closes(opened.close)
    return executable


def _serialised(message: Any) -> bytes:
    from google.protobuf.message import EncodeError

    try:
        return bytes(message.SerializeToString())
    except (EncodeError, ValueError) as error:
        raise InputError(
            f"the model cannot be written as one message ({error}); one over 2 GB keeps its "
            "weights as external data (onnx.save_model, save_as_external_data=True) and is "
            "loaded by its path"
        ) from error


def _digest(model: Model) -> str:
    try:
        return model.digest
    except OSError:  # its file has gone since it was compiled
        return ""


def _write_atomically(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"the compiled model cannot be kept in {path.parent}: {error}; give `cache` a "
            "folder that can be written"
        ) from error

"""The worker protocol: a JSON header, then raw buffers, over a socket.

A message is 12 bytes (the header's length as u32, the length of what follows it as u64, little
endian), the header, and the buffers that travel inline. The header names every buffer: inline,
or a place in the sender's arena. Tensors carry ONNX type names; nothing is pickled.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hal import dtypes
from hal.errors import InputError
from hal.tensor import Array, MapValue, Tensor, Value
from hal.worker import arena

PROTOCOL = 1
"""Both sides must speak the same; the client says so first."""

_PREFIX = struct.Struct("<IQ")
_AT_ONCE = 1 << 14  # most messages are smaller, and come with one system call

_WRONG = (
    AttributeError,
    MemoryError,
    OverflowError,
    RuntimeError,
    TypeError,
    KeyError,
    ValueError,
)
"""What reading nonsense raises; a length that no memory holds is nonsense too."""


class Closed(Exception):
    """The other side is gone."""


class Malformed(Exception):
    """What the other side sent is no message; nothing more can be understood of it."""


class Message:
    """A header being written, with the buffers its values stand in."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = dict(header)
        self.buffers: list[memoryview] = []

    def add(self, data: bytes | bytearray | memoryview) -> int:
        """Attach raw bytes; the number the header refers to them by."""
        self.buffers.append(memoryview(data).cast("B") if len(data) else memoryview(b""))
        return len(self.buffers) - 1

    def add_value(self, value: Value) -> Any:
        """Attach a value; what stands for it in the header."""
        if value is None:
            return None
        if isinstance(value, Tensor):
            return {
                "dtype": value.dtype.name,
                "shape": list(value.array.shape),
                "buffer": self.add(_bytes_of(value)),
            }
        if isinstance(value, MapValue):
            return {"keys": self.add_value(value.keys), "values": self.add_value(value.values)}
        return [self.add_value(item) for item in value]


class Received:
    """A message as it arrived; views of arena memory are valid until the next one."""

    def __init__(self, header: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        self.header = header
        self.buffers = buffers

    def value(self, described: Any, *, copy: bool) -> Value:
        """The value that `Message.add_value` described; `copy` makes it the caller's own."""
        if described is None:
            return None
        if isinstance(described, list):
            items: list[Any] = described  # pyright: ignore[reportUnknownVariableType]  # JSON
            return [self.value(item, copy=copy) for item in items]
        if "keys" in described:
            keys = self.value(described["keys"], copy=copy)
            values = self.value(described["values"], copy=copy)
            if not (isinstance(keys, Tensor) and isinstance(values, Tensor)):
                raise ValueError("a map's keys and values are tensors")
            return MapValue(keys, values)
        dtype = dtypes.of_name(described["dtype"])
        data = self.buffers[int(described["buffer"])]
        return Tensor(_array_of(data, dtype, tuple(described["shape"]), copy=copy), dtype)


class Stream(Protocol):
    """What bytes cross by: as much of a socket as a channel needs."""

    def recv(self, size: int, /) -> bytes: ...
    def recv_into(self, buffer: memoryview, /) -> int: ...
    def sendall(self, data: bytes | memoryview, /) -> None: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


class Channel:
    """One end of a conversation: whole messages in, whole messages out.

    Large buffers go through shared memory where the stream is a socket between two processes
    of one machine; `inline` says that it is not, whatever it looks like.
    """

    def __init__(self, stream: Stream, *, inline: bool = False) -> None:
        self._stream = stream
        self._shared: socket.socket | None = None
        if isinstance(stream, socket.socket) and not inline and arena.AVAILABLE:
            self._shared = stream if stream.family == socket.AF_UNIX else None
        self._writer = arena.Writer()
        self._reader = arena.Reader()

    def send(self, message: Message) -> None:
        """Send a message; large buffers go through the arena.

        Raises:
            InputError: the header is not JSON; nothing was sent. Closed: the other side is
            gone. TimeoutError: it does not read.
        """
        places, shared = self._places(message.buffers)
        try:
            header = json.dumps({**message.header, "buffers": places}).encode()
        except (RecursionError, TypeError, ValueError) as error:
            raise InputError(f"only JSON crosses to or from a worker: {error}") from error
        # Last of all, since the other side must hear of memory that is replaced.
        descriptor = self._writer.begin(shared) if shared else None
        inline: list[memoryview] = []
        for buffer, (offset, _) in zip(message.buffers, places, strict=True):
            if offset < 0:
                inline.append(buffer)
            else:
                self._writer.write(offset, buffer)
        prefix = _PREFIX.pack(len(header), sum(map(len, inline)))
        self._send_all(b"".join([prefix, header, *inline]), descriptor)

    def receive(self) -> Received:
        """Wait for a message.

        Raises:
            Closed: the other side is gone. TimeoutError: nothing came in the socket's time.
            Malformed: what came is no message.
        """
        first = self._receive_some()
        header_length, inline_length = _PREFIX.unpack_from(first)
        try:
            body = memoryview(self._receive_rest(first, header_length + inline_length))
            header: dict[str, Any] = json.loads(str(body[:header_length], "utf-8"))
            return Received(header, self._views(header.pop("buffers"), body[header_length:]))
        except _WRONG as error:
            raise Malformed(f"{type(error).__name__}: {error}") from error

    def _places(self, buffers: Sequence[memoryview]) -> tuple[list[list[int]], int]:
        """For each buffer its offset in the arena (-1: inline) and length; what they need."""
        places: list[list[int]] = []
        shared = 0
        for buffer in buffers:
            if self._shared is not None and len(buffer) >= arena.THRESHOLD:
                places.append([shared, len(buffer)])
                shared += arena.padded(len(buffer))
            else:
                places.append([-1, len(buffer)])
        return places, shared

    def _views(self, places: Sequence[Sequence[int]], inline: memoryview) -> list[memoryview]:
        buffers: list[memoryview] = []
        for offset, length in places:
            if offset < 0:
                buffers.append(inline[:length])
                inline = inline[length:]
            else:
                buffers.append(self._reader.view(offset, length))
            if len(buffers[-1]) != length:
                raise ValueError(f"a buffer of {length} bytes is not all there")
        return buffers

    def settimeout(self, seconds: float | None) -> None:
        """How long a send or receive may wait, in seconds."""
        self._stream.settimeout(seconds)

    def close(self) -> None:
        """Close the socket; the other side sees the end."""
        self._stream.close()

    def _send_all(self, data: bytes, descriptor: int | None) -> None:
        try:
            if descriptor is None or self._shared is None:
                self._stream.sendall(data)
                return
            try:
                sent = socket.send_fds(self._shared, [data], [descriptor])
            finally:
                os.close(descriptor)
            self._stream.sendall(memoryview(data)[sent:])
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from error

    def _receive_some(self) -> bytes:
        """The prefix, and whatever of the message came with it: mostly all of it."""
        try:
            if self._shared is not None:
                data, descriptors, _, _ = socket.recv_fds(self._shared, _AT_ONCE, 1)
                for descriptor in descriptors:
                    self._reader.adopt(descriptor)
            else:
                data = self._stream.recv(_AT_ONCE)
            if not data:
                raise Closed("end of stream")
            while len(data) < _PREFIX.size:
                more = self._stream.recv(_AT_ONCE)
                if not more:
                    raise Closed("end of stream")
                data += more
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from error
        return data

    def _receive_rest(self, first: bytes, length: int) -> bytes | bytearray:
        """The message without its prefix, of which `first` is the beginning.

        Raises:
            ValueError: more came than one message: questions and answers alternate.
        """
        missing = _PREFIX.size + length - len(first)
        if missing < 0:
            raise ValueError(f"{-missing} bytes beyond the end of a message")
        if not missing:
            return first[_PREFIX.size :]
        data = bytearray(length)
        data[: length - missing] = first[_PREFIX.size :]
        view = memoryview(data)[length - missing :]
        try:
            while view:
                count = self._stream.recv_into(view)
                if not count:
                    raise Closed("end of stream")
                view = view[count:]
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from error
        return data


def _bytes_of(tensor: Tensor) -> memoryview | bytes:
    if tensor.dtype.name == "string":
        return json.dumps([_text(item) for item in tensor.array.ravel().tolist()]).encode()
    array = np.ascontiguousarray(tensor.array)
    return array.reshape(-1).view(np.uint8).data if array.size else b""


def _text(item: Any) -> str:
    return item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else str(item)


def _array_of(
    data: memoryview, dtype: dtypes.DType, shape: tuple[int, ...], *, copy: bool
) -> Array:
    if dtype.name == "string":
        texts: list[str] = json.loads(bytes(data))
        strings = np.empty(len(texts), dtype=object)
        strings[:] = texts
        return strings.reshape(shape)
    array = np.frombuffer(data, dtype=np.uint8)
    if copy:
        array = array.copy()
    elif array.__array_interface__["data"][0] % arena.ALIGN:
        array = _aligned(array)
    return array.view(dtype.numpy).reshape(shape)


def _aligned(array: Array) -> Array:
    """A copy that begins where it would in shared memory.

    What begins elsewhere is added up in another order by some: ONNX Runtime 1.32's ReduceSum.
    """
    room = np.empty(array.size + arena.ALIGN, np.uint8)
    start = -room.__array_interface__["data"][0] % arena.ALIGN
    copy = room[start : start + array.size]
    copy[:] = array
    return copy

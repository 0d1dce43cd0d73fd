"""What `python3 -c` runs on another machine: it puts the worker's files there, and becomes it.

`hal.remote.process` sends this text along; nothing of it is imported here. It says who it is in
one marked line, so that what a login shell prints does no harm, takes the files if it has not
got them, and starts the worker over the same standard input and output. Python 3.6 reads it, to
be able to say that it is too old.
"""

import hashlib
import importlib.util
import io
import json
import os
import platform
import shutil
import sys
import tempfile
import zipfile


def read(count: int) -> bytes:
    """That many bytes of standard input; nothing beyond them is taken."""
    data = bytearray()
    while len(data) < count:
        part = os.read(0, min(count - len(data), 1 << 20))
        if not part:
            raise SystemExit("the other side has gone")
        data += part
    return bytes(data)


def read_line() -> bytes:
    """The first line of standard input."""
    line = b""
    while not line.endswith(b"\n"):
        line += read(1)
    return line


def cache() -> str:
    """Where the files of all versions lie."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser(os.path.join("~", ".cache"))
    return os.path.join(base, "onnx-hal", "remote")


def install(place: str, data: bytes, digest: str) -> None:
    """Unpack the files, all of them or none."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit("the worker's files arrived damaged")
    parent = os.path.dirname(place)
    os.makedirs(parent, exist_ok=True)
    beside = tempfile.mkdtemp(dir=parent)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(beside)
        os.rename(beside, place)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        if not os.path.isdir(place):  # else another worker was faster
            raise


def main() -> None:
    """Answer, take the files, become the worker."""
    asked = json.loads(read_line().decode())
    os.environ.update(asked["env"])
    place = os.path.join(cache(), asked["digest"][:16])
    told = {
        "has_files": os.path.isdir(place),
        "has_numpy": importlib.util.find_spec("numpy") is not None,
        "python": platform.python_version(),
        "executable": sys.executable,
        "machine": platform.machine(),
        "system": platform.system(),
        "folder": place,
    }
    os.write(1, (asked["mark"] + json.dumps(told) + "\n").encode())
    if list(sys.version_info[:2]) < asked["oldest"] or not told["has_numpy"]:
        return
    if not told["has_files"]:
        install(place, read(asked["size"]), asked["digest"])
    script = os.path.join(place, "hal", "worker", "__main__.py")
    limit = str(asked["memory_bytes"])
    os.execv(sys.executable, [sys.executable, script, "stdio", "0", "-1", limit, "--staged"])


if __name__ == "__main__":
    main()

"""What OpenVINO leaves behind in a process that outlives a device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

SCRIPT = """
import faulthandler, gc, signal, sys, threading, time
import hal

def interrupted(number, frame):
    raise LookupError

def release():
    while devices:
        devices.pop(0).close()
        gc.collect()

faulthandler.enable()
devices = [hal.open("openvino:cpu") for _ in range(2)]
for device in devices:
    device.compile(sys.argv[1])
{release}
signal.signal(signal.SIGALRM, interrupted)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    time.sleep(5)
except LookupError:
    print("survived")
"""
IN_ORDER = "release()"
IN_A_THREAD = "thread = threading.Thread(target=release); thread.start(); thread.join()"


@pytest.mark.skipif(sys.platform == "win32", reason="signals and timers of POSIX")
@pytest.mark.parametrize("release", [IN_ORDER, IN_A_THREAD], ids=["in order", "in a thread"])
def test_a_signal_after_devices_were_closed_harms_nobody(
    release: str, doubling: onnx.ModelProto, tmp_path: Path
) -> None:
    """On CPUs with AMX a released Core takes the stack for signal handlers along."""
    model = tmp_path / "model.onnx"
    model.write_bytes(doubling.SerializeToString())
    code = SCRIPT.format(release=release)
    done = subprocess.run(
        [sys.executable, "-c", code, model], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr

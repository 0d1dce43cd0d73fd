"""What this machine's processor is called: for devices that are processors, and for results.

Loads with the standard library alone, on Python 3.10.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path


def processor(told: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name; the architecture's where the system does not tell it."""
    try:
        text = told.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()

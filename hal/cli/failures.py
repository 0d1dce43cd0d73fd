"""Exit codes, and the one message that tells a failure."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Any

from hal import errors
from hal.cli import output
from hal.errors import AdapterError, DeviceNotFound, HALError, InputError

OK = 0
DISAGREE = 1
"""The command ran, and its verdict is no: outputs disagree, outcomes are unexpected."""
USAGE = 2
"""Wrong usage or input."""
ABSENT = 3
"""No such device, adapter or SDK."""
BROKE = 4
"""The run itself broke."""
INTERRUPTED = 130
"""Ctrl-C, as shells report it."""

EXIT_CODES = """
\b
Exit codes:
  0  done
  2  wrong usage or input
  3  no such device, adapter or SDK
  4  the run itself broke"""
"""The paragraph that ends every command's help."""

_CODES: Mapping[type[HALError], int] = {
    InputError: USAGE,
    errors.ArtifactError: USAGE,
    AdapterError: ABSENT,
    DeviceNotFound: ABSENT,
}


def exit_code(error: HALError) -> int:
    """The exit code that tells a failure of this kind."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), BROKE)


def report(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Say what went wrong, on stderr and, for `as_json`, as an object on stdout.

    Returns:
        The exit code.
    """
    if debug:
        traceback.print_exception(error)
    code, described = _describe(error)
    print(f"hal: {_text(error, described)}", file=sys.stderr)
    if as_json:
        output.emit_json({"error": {**described, "exit_code": code}})
    return code


def _describe(error: Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(error, HALError):
        return exit_code(error), errors.to_json(error)
    usage = getattr(error, "format_message", None)  # a usage error of typer's
    if usage is not None:
        return USAGE, {"kind": "UsageError", "message": str(usage()), "fields": {}}
    message = f"{type(error).__name__}: {error}"
    return BROKE, {"kind": "InternalError", "message": message, "fields": {}}


def _text(error: Exception, described: Mapping[str, Any]) -> str:
    message = str(described["message"])
    if described["kind"] == "InternalError":
        return f"this is a bug in hal: {message}\nhal: `hal --debug ...` shows where"
    if described["kind"] == "UsageError":
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", "hal")
        return f"{message}\nhal: `{command} --help` shows the usage"
    if described["fields"].get("timed_out"):
        message += "; `timeouts` in devices.yaml or --timeout allow more"
    tail = described["fields"].get("stderr")
    return f"{message}\n{_quoted(tail)}" if tail else message


def _quoted(text: str) -> str:
    """The last lines a worker printed, set apart from what we say."""
    lines = output.printable(text.strip(), keep="\n").splitlines()[-10:]
    return "\n".join(f"  | {line}" for line in lines)

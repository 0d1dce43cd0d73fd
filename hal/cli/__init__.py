"""The command `hal`: devices, inspect, run, bench, and what other distributions add.

`main` is the entry point: it runs one command and turns every error into one message on stderr
and an exit code. Commands live in a module each (`hal/cli/run.py`), print through
`hal.cli.output`, and raise HALErrors. This file imports nothing that is slow to import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line, and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        _print_version()
        sys.exit(0)
    sys.exit(_run(given or ["--help"]))


def _print_version() -> None:
    import hal

    print(f"onnx-hal {hal.__version__}")


def _run(arguments: list[str]) -> int:
    from hal.cli import failures, output

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in options
    if as_json:
        output.claim_stdout()
    try:
        code = _invoke(arguments)
    except KeyboardInterrupt:
        code = failures.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001  the last handler of the process; all are reported
        return failures.report(error, as_json=as_json, debug="--debug" in options)
    if code == failures.INTERRUPTED:
        print("hal: interrupted", file=sys.stderr)
    return code


def _invoke(arguments: list[str]) -> int:
    from hal.cli import app, output

    try:
        code = app.command(arguments).main(arguments, prog_name="hal", standalone_mode=False)
        output.flush()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer turns it into this
            raise end.__context__ from None
        raise
    return code if isinstance(code, int) else 0


def _reader_left() -> int:
    """Whoever read our output has seen enough (`hal devices | head`); that is no error."""
    from hal.cli import output

    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, output.stream().fileno()):
        os.dup2(null, descriptor)  # streams are flushed once more as the interpreter ends
    return 0

"""What is printed below Python."""

from __future__ import annotations

import ctypes
import os

from hal.printed import captured_stdout


def test_what_c_code_prints_is_captured_in_order() -> None:
    libc = ctypes.CDLL(None)
    with captured_stdout() as printed:
        libc.puts(b"from C")
        os.write(1, b"")
        libc.fflush(None)
        os.write(1, b"from below\n")
    assert printed() == b"from C\nfrom below\n"


def test_descriptor_1_is_what_it_was_afterwards() -> None:
    before = os.fstat(1)
    with captured_stdout():
        assert not os.path.samestat(before, os.fstat(1))
    assert os.path.samestat(before, os.fstat(1))

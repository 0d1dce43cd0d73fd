"""Writes scopes.lock anew: the shipped profiles over the corpora as they are frozen."""

from hal_conformance.profiles.loading import load, names
from hal_conformance.profiles.scope import LOCK
from hal_conformance.profiles.suites import installed

HEAD = "# profile version mandatory optional hash-of-profile hash-of-scope\n"

lines = [installed(load(name)).line for name in names()]
LOCK.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")

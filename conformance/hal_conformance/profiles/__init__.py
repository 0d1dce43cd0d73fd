"""Profiles: declared scopes with mandatory and optional parts, and the verdict on each.

profile.py     Profile, Part, Rule: what a file says; which part a case belongs to
matching.py    what an id tells: operator, version, types
loading.py     from a file to a Profile; the profiles shipped here
scope.py       all cases of a profile, and a hash over them
verdict.py     what the records of a run say, part by part
shipped/       the files; groups.toml has lists of operators that they share
scopes.lock    the published scopes: `python -m hal_conformance.profiles`
"""

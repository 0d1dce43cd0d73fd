"""Writes scopes.lock anew, as `hal corpus freeze` does after it has frozen the cases."""

from hal_conformance.profiles.suites import publish

publish()

"""Which adapters are installed: entry points of the group `hal.adapters`, loaded on demand.

A third party's distribution adds one with

    [project.entry-points."hal.adapters"]
    acme = "hal_acme.adapter:AcmeAdapter"
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from hal.adapter import Adapter
from hal.errors import AdapterError, HALError, SDKMissing

GROUP = "hal.adapters"


@dataclass(frozen=True)
class Entry:
    """One registered adapter: its name, the class's address, and who ships it."""

    name: str
    value: str
    distribution: str
    version: str

    def load(self) -> type[Adapter]:
        """The adapter class.

        Raises:
            AdapterError: the class cannot be imported, or is not an Adapter.
        """
        where = f"adapter {self.name!r} ({self.value}, from {self.distribution} {self.version})"
        try:
            found = EntryPoint(self.name, self.value, GROUP).load()
        except Exception as error:  # a stranger's module runs here
            raise AdapterError(
                f"{where} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        if not (isinstance(found, type) and issubclass(found, Adapter)):
            raise AdapterError(f"{where} is not a subclass of hal.adapter.Adapter")
        return found


@lru_cache(maxsize=1)
def _entries() -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for point in entry_points(group=GROUP):
        dist = point.dist
        entry = Entry(
            point.name,
            point.value,
            dist.name if dist else "an unknown distribution",
            dist.version if dist else "",
        )
        known = found.setdefault(point.name, [])
        if entry not in known:
            known.append(entry)
    return found


def refresh() -> None:
    """Forget what was found, so that packages installed meanwhile are seen."""
    _entries.cache_clear()


def names() -> list[str]:
    """The names of all registered adapters, sorted; none is loaded."""
    return sorted(_entries())


def entry(name: str) -> Entry:
    """The registration of that name.

    Raises:
        AdapterError: nobody registers it, or two distributions do.
    """
    found = _entries().get(name, [])
    if not found:
        near = get_close_matches(name, names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AdapterError(f"no adapter {name!r}; installed are {names()}{hint}")
    if len(found) > 1:
        owners = " and ".join(f"{e.distribution} {e.version} ({e.value})" for e in found)
        raise AdapterError(f"adapter {name!r} is registered by {owners}; uninstall one of them")
    return found[0]


def create(name: str) -> Adapter:
    """A new instance of the adapter of that name.

    Raises:
        AdapterError: it is not registered, registered twice, or cannot be loaded.
        SDKMissing: its constructor found the vendor's package missing.
    """
    registered = entry(name)
    kind = registered.load()
    try:
        return kind()
    except ImportError as error:
        raise missing_sdk(kind, error) from error
    except HALError:
        raise
    except Exception as error:
        raise AdapterError(
            f"adapter {name!r} ({registered.value}) cannot be created: "
            f"{type(error).__name__}: {error}"
        ) from error


def missing_sdk(kind: type[Adapter] | Adapter, error: ImportError) -> SDKMissing:
    """The error for a vendor package that is not there, with the line that brings it."""
    advice = f"; install it with: {kind.install}" if kind.install else ""
    return SDKMissing(
        f"adapter {kind.name!r} needs a package that is not installed ({error}){advice}",
        install=kind.install,
    )

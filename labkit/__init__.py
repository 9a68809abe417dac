"""labkit: learn background jobs by running them, on Redis, Dramatiq and SQLModel.

The public names are imported on first use (PEP 562), so that ``import labkit`` is quick and
opens no connection. A notebook begins with ``%load_ext labkit``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.actors import actor as actor
    from labkit.database import session as session
    from labkit.errors import LabkitError as LabkitError
    from labkit.ledger.reader import Ledger as Ledger
    from labkit.ledger.records import JobRecord as JobRecord
    from labkit.ledger.records import JobState as JobState
    from labkit.models import Log as Log
    from labkit.models import Task as Task
    from labkit.settings import Settings as Settings

__version__ = "0.1.0"

_HOMES = {
    "JobRecord": "labkit.ledger.records",
    "JobState": "labkit.ledger.records",
    "LabkitError": "labkit.errors",
    "Ledger": "labkit.ledger.reader",
    "Log": "labkit.models",
    "Settings": "labkit.settings",
    "Task": "labkit.models",
    "actor": "labkit.actors",
    "session": "labkit.database",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}") from None
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__", "load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext labkit``: Redis is up, tables exist, magics are loaded; prints one line."""
    from labkit.magics import load

    load(shell)

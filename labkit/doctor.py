"""``labkit doctor``: what labkit found here, each thing with a tick or with what to do."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labkit import __version__, database, migrations
from labkit.errors import LabkitError
from labkit.ledger.check import check as differences
from labkit.ledger.reader import Ledger
from labkit.redis_server import find
from labkit.settings import CONFIG_NAME, Settings

PACKAGES = ("dramatiq", "redis", "sqlmodel")
OLDEST, TOO_NEW = (3, 11), (3, 14)
#: Below this a Redis cannot rewrite its file, nor a notebook be saved.
DISK_MEGABYTES = 200


@dataclass(frozen=True)
class Check:
    """One thing: ``ok`` is True, False, or None where it is fine either way."""

    name: str
    ok: bool | None
    text: str
    todo: str = ""

    def __str__(self) -> str:
        mark = {True: "✓", False: "✗", None: "–"}[self.ok]
        advice = f"\n  {'':<10} → {self.todo}" if self.todo else ""
        return f"{mark} {self.name:<10} {self.text}{advice}"


def examine(*, needs_worker: bool = False) -> list[Check]:
    """Look at everything; a private Redis is started when no other answers.

    Parameters:
      needs_worker: Whether all is well only where a worker of this host lives.
    """
    checks = [_python(), _packages()]
    try:
        settings = Settings()
    except LabkitError as error:
        return [*checks, Check("settings", False, str(error), "Correct that value.")]
    for name, look in (
        ("root", _root),
        ("redis", _redis),
        ("database", _database),
        ("worker", _worker_here if needs_worker else _worker),
    ):
        checks.append(_guarded(name, look, settings))
    return [*checks, _commands(), _jupyter(), _work(settings.work), _disk(settings.root)]


def examine_ledger() -> Check:
    """Hold every record against Dramatiq's own keys; names at most ten differences."""

    def look(settings: Settings) -> Check:
        ledger = Ledger()
        found = differences(ledger)
        if not found:
            total = sum(ledger.counts().values())
            return Check("ledger", True, f"{total} records, each as Dramatiq's keys say")
        told = "; ".join(map(str, found[:10]))
        todo = "A labkit worker mends what stock Dramatiq left behind, within two seconds."
        return Check("ledger", False, f"{len(found)} differences: {told}", todo)

    try:
        return _guarded("ledger", look, Settings())
    except LabkitError as error:
        return Check("ledger", False, str(error))


def is_well(checks: list[Check]) -> bool:
    """Whether nothing is wrong."""
    return all(check.ok is not False for check in checks)


def as_json(checks: list[Check]) -> dict[str, Any]:
    """The same for a program to read."""
    return {"ok": is_well(checks), "checks": [asdict(check) for check in checks]}


def _guarded(name: str, look: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return look(settings)
    except LabkitError as error:
        return Check(name, False, str(error))


def _python() -> Check:
    fits = OLDEST <= sys.version_info[:2] < TOO_NEW
    text = f"{platform.python_version()} at {sys.executable}"
    return Check("python", fits, text, "" if fits else "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> Check:
    def versions() -> Iterator[str]:
        yield f"labkit {__version__}"
        for name in PACKAGES:
            yield f"{name} {version(name)}"

    try:
        return Check("packages", True, ", ".join(versions()))
    except PackageNotFoundError as error:
        return Check("packages", False, f"{error.name} is missing", "Run `make setup`.")


def _root(settings: Settings) -> Check:
    config = settings.root / CONFIG_NAME
    text = f"{settings.root} ({CONFIG_NAME if config.is_file() else 'no ' + CONFIG_NAME})"
    nearest = next(folder for folder in (settings.root, *settings.root.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        return Check("root", False, text, "Make it writable, or set LABKIT_HOME.")
    return Check("root", True, text)


def _redis(settings: Settings) -> Check:
    found = find(settings)
    source = {"REDIS_URL": "from REDIS_URL", "private": "private", "local": "found running"}
    return Check("redis", True, f"{found.version}, {source[found.source]}, {found.address}")


def _database(settings: Settings) -> Check:
    url = database.address(settings)
    address = database.describe(url)
    missing = migrations.pending(database.engine(), settings.work)
    if missing:
        text = f"{address}, {len(missing)} migration{'s'[: len(missing) > 1]} behind"
        return Check("database", False, text, "Run `labkit db upgrade`.")
    return Check("database", True, f"{address}, up to date")


def _worker(settings: Settings) -> Check:
    living = Ledger().workers()
    if not living:
        return Check("worker", None, "none runs", "`labkit worker` in a terminal starts one.")
    return Check("worker", True, ", ".join(f"process {card.pid} on {card.host}" for card in living))


def _worker_here(settings: Settings) -> Check:
    host = socket.gethostname()
    if pids := [card.pid for card in Ledger().workers() if card.host == host]:
        return Check("worker", True, f"{', '.join(map(str, pids))} on {host}")
    return Check("worker", False, f"none lives on {host}", "Read its log.")


def _commands() -> Check:
    scripts = Path(sysconfig.get_path("scripts"))
    found = shutil.which("dramatiq")
    if found and Path(found).parent.resolve() == scripts.resolve():
        return Check("commands", True, f"in {scripts}, which is on the PATH")
    todo = f"To type `dramatiq` and `labkit`: . {scripts}/activate"
    return Check("commands", None, f"in {scripts}, which is not first on the PATH", todo)


def _jupyter() -> Check:
    if find_spec("jupyterlab") is None:
        return Check("jupyter", None, "not installed", "`make lab` brings it.")
    return Check("jupyter", True, f"JupyterLab {version('jupyterlab')}")


def _work(folder: Path) -> Check:
    jobs = sorted((folder / "app" / "jobs").glob("[!_]*.py"))
    if not folder.is_dir():
        return Check("work", None, "not there yet", "`labkit generate job NAME` makes it.")
    names = ", ".join(path.stem for path in jobs) or "none yet"
    return Check("work", True, f"{folder}, jobs: {names}")


def _disk(root: Path) -> Check:
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free // 2**20
    if free < DISK_MEGABYTES:
        return Check("disk", False, f"{free} MB free", f"Free {DISK_MEGABYTES} MB at the least.")
    return Check("disk", True, "enough space free")

"""``make audit``: bandit over code and notebooks, and the lock held against advisories.

    make audit                              asks with pip-audit, which needs uv and the network
    make audit ARGS='--advisories all.zip'  reads a file instead, and asks nobody
    make audit ARGS=--code                  bandit alone

The file is the PyPI part of the OSV database, one archive for everybody, which a machine with a
network fetches: https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip. Unpacked into a
folder, or as a clone of https://github.com/pypa/advisory-database, it will do as well. An
environment is not looked at, for `make` installs what the lock names and nothing else.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from IPython.core.inputtransformer2 import TransformerManager
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tools.environments import Pin, read_lock

ROOT = Path(__file__).resolve().parent.parent
CODE = ("labkit", "tools", "bench")
#: Not held against anybody: that subprocess is imported, that a process is started without a shell
#: (which is the safe way), that a type checker's assert stands there, that dice are no secrets.
#: ruff's own form of these rules (S in pyproject.toml) asks for a reason at each of the others.
ALLOWED = "B101,B311,B404,B603,B606,B607"
#: A cell asks the course's own server, at an address that the line above it made.
ALLOWED_IN_CELLS = f"{ALLOWED},B310"


# -- code and notebooks ----------------------------------------------------------------------------


def cells(notebook: Path) -> str:
    """A notebook's code as one module, its magics as the calls that IPython makes of them."""
    content = json.loads(notebook.read_text("utf-8"))
    sources = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    module = "\n".join(TransformerManager().transform_cell(source) for source in sources)
    ast.parse(module)  # bandit would pass over what it cannot read, and find nothing
    return module


def scan(skip: str, *places: Path) -> bool:
    """Whether bandit finds nothing in files and folders."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-s", skip, *map(str, places)]
    return subprocess.call(command, cwd=ROOT) == 0


def scan_code(root: Path = ROOT) -> bool:
    """Whether bandit finds nothing in the code, and nothing in the notebooks."""
    with tempfile.TemporaryDirectory() as folder:
        for notebook in sorted((root / "notebooks").glob("*.ipynb")):
            (Path(folder) / f"{notebook.stem}.py").write_text(cells(notebook), "utf-8")
        places = [root / name for name in CODE if (root / name).is_dir()]
        return all([scan(ALLOWED, *places), scan(ALLOWED_IN_CELLS, Path(folder))])


# -- advisories ------------------------------------------------------------------------------------


def advisories(place: Path) -> Iterator[dict[str, Any]]:
    """Every advisory in an archive of OSV's, or in a folder of its files."""
    if place.is_dir():
        for path in sorted([*place.rglob("*.json"), *place.glob("**/vulns/**/*.yaml")]):
            yield yaml.safe_load(path.read_text("utf-8"))  # which JSON is, too
        return
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.load(io.TextIOWrapper(archive.open(name), "utf-8"))


def held_against(pins: Iterable[Pin], known: Iterable[dict[str, Any]]) -> list[str]:
    """A line for every locked version that an advisory names and that was not withdrawn."""
    versions: dict[str, set[str]] = {}
    for pin in pins:
        version = str(pin.requirement.specifier).removeprefix("==")
        versions.setdefault(pin.name, set()).add(version)
    found = set()
    for advisory in known:
        if "withdrawn" in advisory:
            continue
        for affected in advisory.get("affected", ()):
            package = affected.get("package", {})
            name = canonicalize_name(package.get("name", ""))
            if package.get("ecosystem") == "PyPI":
                for version in versions.get(name, ()):
                    if _is_affected(version, affected):
                        also = ", ".join(advisory.get("aliases", ()))
                        what = advisory.get("summary") or advisory.get("details", "")[:100]
                        found.add(f"{name} {version}: {advisory['id']} ({also}) {what}")
    return sorted(found)


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]
    return any(_is_in(Version(version), each["events"]) for each in ranges)


def _is_in(version: Version, events: list[dict[str, str]]) -> bool:
    """OSV's rule: the last event at or below a version says whether it is affected."""
    is_in = False
    for event in sorted(events, key=lambda event: _parse(next(iter(event.values())))):
        [(kind, said)] = event.items()
        if kind == "introduced" and version >= _parse(said):
            is_in = True
        elif (kind == "fixed" and version >= _parse(said)) or (
            kind == "last_affected" and version > _parse(said)
        ):
            is_in = False
    return is_in


def _parse(said: str) -> Version:
    try:
        return Version(said)
    except InvalidVersion:  # an old release with a name of its own stands before all others
        return Version("0")


def ask(root: Path = ROOT) -> bool:
    """Whether pip-audit, run by uv in an environment of its own, finds nothing in the lock."""
    lock = ["--requirement", str(root / "requirements.lock")]
    # Strict: a package of which nothing could be heard is otherwise passed over, and all is well.
    command = ["uv", "tool", "run", "pip-audit", "--strict", "--require-hashes", "--disable-pip"]
    try:
        return subprocess.call([*command, *lock]) == 0
    except FileNotFoundError:
        print("labkit: to ask, make audit needs uv; --advisories FILE asks nobody", file=sys.stderr)
        return False


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 where something was found or could not be asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--advisories", type=Path, help="OSV's archive for PyPI, or a folder")
    parser.add_argument("--code", action="store_true", help="the code and the notebooks alone")
    options = parser.parse_args(arguments)
    is_clean = scan_code(root)
    print("code and notebooks:", "nothing found" if is_clean else "see above")
    if options.code:
        return int(not is_clean)
    if options.advisories is None:
        return int(not (ask(root) and is_clean))
    pins = read_lock((root / "requirements.lock").read_text("utf-8"))
    read = list(advisories(options.advisories))
    found = held_against(pins, read)
    print("\n".join(found), *[""] * bool(found), sep="\n", end="")
    print(f"{len(pins)} locked versions, {len(read)} advisories: {len(found)} found")
    return int(bool(found) or not read or not is_clean)


if __name__ == "__main__":
    sys.exit(main())

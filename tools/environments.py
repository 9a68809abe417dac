"""Writes environment.yml and binder/environment.yml from pyproject.toml and requirements.lock.

conda gives Python, pip and a Redis server; everything else stands under ``pip:`` in the locked
version. Two equal files, because Binder ignores the one at the root once there is a ``binder/``,
and a symbolic link between them becomes a text file in a Windows checkout.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TARGETS = (Path("environment.yml"), Path("binder/environment.yml"))
HEAD = """\
# Written by `make lock` from pyproject.toml and requirements.lock: change those.
#   conda env create --file environment.yml && conda activate labkit
#   pip install --no-deps --no-build-isolation --editable .
#   labkit lab
name: labkit
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.12
  - pip
  - redis-server>=7
  - pip:
"""


@dataclass(frozen=True)
class Pin:
    """One line of the lock: a version, where it holds, and which packages asked for it."""

    requirement: Requirement
    needed_by: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)


def read_lock(text: str) -> list[Pin]:
    """The pins of a lock as uv writes it: a requirement, its hashes, and ``# via`` comments."""
    pins: list[Pin] = []
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            pins.append(Pin(Requirement(line.rstrip(" \\")), frozenset()))
        elif pins and line.startswith("    #"):
            parent = line.removeprefix("    #").strip().removeprefix("via").strip()
            if parent and not parent.startswith(("labkit", "-c")):
                last = pins.pop()
                needed_by = last.needed_by | {canonicalize_name(parent)}
                pins.append(Pin(last.requirement, needed_by))
    return pins


def wanted(project: dict[str, object]) -> set[str]:
    """The names that a learner's environment starts from: base, lab, and what builds labkit."""
    metadata, build = project["project"], project["build-system"]
    assert isinstance(metadata, dict)  # noqa: S101 - the shape of pyproject.toml, for mypy
    assert isinstance(build, dict)  # noqa: S101
    lines = [
        *metadata["dependencies"],
        *metadata["optional-dependencies"]["lab"],
        *build["requires"],
    ]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def closure(pins: list[Pin], names: set[str]) -> list[Pin]:
    """The pins of ``names`` and of all that they need, in the lock's order."""
    reached = set(names)
    while more := {pin.name for pin in pins if pin.needed_by & reached} - reached:
        reached |= more
    missing = reached - {pin.name for pin in pins}
    if missing:
        raise SystemExit(f"not in requirements.lock: {', '.join(sorted(missing))}; run `make lock`")
    return [pin for pin in pins if pin.name in reached]


def pins(root: Path = ROOT) -> list[Pin]:
    """What the environments hold, on any platform."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lock = read_lock((root / "requirements.lock").read_text(encoding="utf-8"))
    return closure(lock, wanted(project))


def render(root: Path = ROOT) -> str:
    """The text of the environment files."""
    lines = [str(pin.requirement) for pin in pins(root)]
    return HEAD + "".join(f"      - {_yaml(line)}\n" for line in lines)


def _yaml(line: str) -> str:
    # packaging writes markers with double quotes, which would end the YAML string.
    return '"' + line.replace('"', "'") + '"' if ";" in line else line


if __name__ == "__main__":
    for target in TARGETS:
        (ROOT / target).write_text(render(), encoding="utf-8", newline="\n")

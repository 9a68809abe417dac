"""One list of dependencies, in pyproject.toml; the lock and the conda environments follow it."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import environments

ROOT = Path(__file__).resolve().parent.parent


def test_the_environments_are_what_the_lock_says() -> None:
    written = [(ROOT / target).read_bytes() for target in environments.TARGETS]
    assert len(set(written)) == 1, "environment.yml and binder/environment.yml differ: `make lock`"
    assert written[0].decode() == environments.render(), "run `make lock`"


def test_the_environments_hold_what_pyproject_asks_for_in_versions_that_fit() -> None:
    text = (ROOT / "environment.yml").read_text("utf-8")
    lines = re.findall(r'^      - "?([^"\n]+)"?$', text, re.MULTILINE)
    pinned: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, lines):
        pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["lab"]
    for wanted in map(Requirement, asked):
        pins = pinned[canonicalize_name(wanted.name)]
        versions = [str(pin.specifier).removeprefix("==") for pin in pins]
        assert all(wanted.specifier.contains(version) for version in versions), wanted

    # And nothing that these need in turn is missing: asked of what is installed here.
    for name, pins in pinned.items():
        if all(pin.marker and not pin.marker.evaluate() for pin in pins):
            continue
        for need in map(Requirement, requires(name) or ()):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in pinned, f"{name} needs {need.name}"


def test_a_lock_that_lacks_something_is_found() -> None:
    lock = "a==1 \\\n    --hash=sha256:0\n    # via\n    #   -c c.txt\n    #   B_c\n"
    lock += "b-c==2\n    # via labkit (pyproject.toml)\n"
    pins = environments.read_lock(lock)
    assert [pin.name for pin in environments.closure(pins, {"b-c"})] == ["a", "b-c"]
    assert [pin.name for pin in environments.closure(pins, {"a"})] == ["a"]
    with pytest.raises(SystemExit, match=r"not in requirements\.lock: gone"):
        environments.closure(pins, {"gone"})


def test_the_lock_holds_names_versions_and_hashes_alone() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    requirement = re.compile(r"[a-z0-9-]+==\S+( ; .+)? \\")
    odd = [
        line
        for line in lines
        if not requirement.fullmatch(line)
        and not re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)
        and not re.fullmatch(r"    #( via)?( .*)?", line)
    ]
    assert odd == []


def test_the_base_install_has_no_jupyter() -> None:
    pins = environments.read_lock((ROOT / "requirements.lock").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    names = {pin.name for pin in environments.closure(pins, base)}
    assert names >= base
    assert not [name for name in names if re.search("jupyter|ipython|ipykernel|widget", name)]

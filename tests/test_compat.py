"""tools/compat.py: which combinations it runs, and that it says what it could not have."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import compat

ROOT = Path(__file__).resolve().parents[1]


def test_any_two_versions_meet_once() -> None:
    cases = compat.cases()
    for one, other in itertools.combinations(("dramatiq", "redis_py", "server"), 2):
        met = [(getattr(case, one), getattr(case, other)) for case in cases]
        assert len(set(met)) == len(met) == 16


def test_a_quick_run_has_every_version() -> None:
    cases = compat.cases(quick=True)
    assert len(cases) == 4
    assert {case.dramatiq for case in cases} == set(compat.DRAMATIQ)
    assert {case.redis_py for case in cases} == set(compat.REDIS_PY)
    assert {case.server for case in cases} == set(compat.SERVERS)


def test_what_is_run_are_the_bounds_that_pyproject_promises() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    assert f">={compat.REDIS_PY[0]}" in str(bounds["redis"])
    assert compat.REDIS_PY[-1] == "8.*"
    assert "<9" in str(bounds["redis"])
    assert all(bounds["dramatiq"].contains(version) for version in compat.DRAMATIQ)
    assert not bounds["dramatiq"].contains("1.18.0")


def test_the_core_has_the_tests_that_are_named() -> None:
    assert all((ROOT / "tests" / f"test_{name}.py").is_file() for name in compat.CORE)


def test_a_server_that_is_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no redis-server on the PATH"):
        compat.find_server("", tmp_path)

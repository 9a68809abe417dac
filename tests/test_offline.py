"""``make offline``: what it writes installs where nothing but the folder itself can be reached."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import support_rules as rules
from tests.support_setup import Desk, executable, make_desk, write_wheel
from tools import offline

#: Where a proxy or an index would be asked; nothing listens.
NOWHERE = "http://127.0.0.1:1"
UNREACHABLE = {
    "PIP_INDEX_URL": NOWHERE,
    "UV_DEFAULT_INDEX": NOWHERE,
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE),
}
VERSION = f"python{offline.sys.version_info.major}.{offline.sys.version_info.minor}"


def commit(root: Path) -> None:
    name = ("-c", "user.name=Ann", "-c", "user.email=ann@localhost")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "The course"]):
        subprocess.run(["git", *name, *words], cwd=root, check=True)


def install(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(folder / "install")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def names_no_registry_and_no_machine(folder: Path, root: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".whl"]
    assert files
    for path in files:
        content = path.read_bytes()
        assert os.fsencode(root) not in content, path
        if b"\0" not in content and path.suffix != ".sample":
            assert rules.betrayals(str(path), content.decode("utf-8", "replace")) == []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A small project under git, whose one dependency pip finds in a folder."""
    desk = make_desk(tmp_path)
    commit(desk.project)
    return desk


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that comes of such a project, and nothing else of it: its wheel is gone."""
    place = tmp_path_factory.mktemp("built")
    desk = make_desk(place)
    commit(desk.project)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
            patch.setenv(name, desk.environment[name])
        offline.build(place / "offline", desk.project)
    shutil.rmtree(desk.wheels)
    return place / "offline"


def test_it_names_no_registry_and_no_machine(built: Path) -> None:
    assert [wheel.name for wheel in (built / "wheels").iterdir()] == ["small-1.0-py3-none-any.whl"]
    assert len((built / "install").read_text().splitlines()) == 2
    names_no_registry_and_no_machine(built, built.parent)


@pytest.mark.parametrize("installer", [pytest.param("pip", marks=pytest.mark.slow), "uv"])
def test_a_small_project_installs_from_the_folder_alone(
    built: Path, desk: Desk, tmp_path: Path, installer: str
) -> None:
    folder = tmp_path / "a stick" / "offline"
    shutil.copytree(built, folder)
    desk.python(VERSION)
    if installer == "uv":
        desk.uv()
    kept = {key: desk.environment[key] for key in ("HOME", "UV_CACHE_DIR", "PIP_NO_CACHE_DIR")}
    done = install(folder, PATH=str(desk.bin), **kept, **UNREACHABLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installer in done.stdout
    desk.project = folder / "labkit"
    assert desk.import_small() == "42"
    assert desk.run(**UNREACHABLE).stdout == "", "what `make lab` asks for is there"


def test_a_wheel_that_is_not_the_locks_is_refused(built: Path, desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "offline"
    shutil.copytree(built, folder)
    write_wheel(folder / "wheels", b"another build")
    desk.python(VERSION)
    desk.uv()
    kept = {key: desk.environment[key] for key in ("HOME", "UV_CACHE_DIR")}
    done = install(folder, PATH=str(desk.bin), **kept)
    assert done.returncode == 1
    assert "is not the file that requirements.lock names" in done.stderr


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    with pytest.raises(SystemExit, match="holds something else"):
        offline.build(tmp_path)
    assert (tmp_path / "letter").exists()
    with pytest.raises(SystemExit, match="git failed"):
        offline.build(tmp_path / "new", tmp_path / "no checkout")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_course_installs_from_the_folder_alone_and_is_ready(tmp_path: Path) -> None:
    folder = tmp_path / "labkit-offline"
    offline.build(folder)
    names_no_registry_and_no_machine(folder, offline.ROOT)
    tools = tmp_path / "bin"
    tools.mkdir()
    python = Path(offline.sys.base_prefix) / "bin" / VERSION
    executable(tools / VERSION, f'exec "{python}" "$@"\n')
    env = {"PATH": f"{tools}:{os.defpath}", "HOME": str(tmp_path), **UNREACHABLE}
    done = install(folder, **env, PIP_NO_CACHE_DIR="1")
    assert done.returncode == 0, done.stdout + done.stderr
    room = subprocess.run(
        [folder / "labkit" / ".venv" / "bin" / "labkit", "room"],
        cwd=folder / "labkit",
        env=env | {"LABKIT_LOCAL_REDIS": "", "LABKIT_REDIS_LINGER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert room.stdout.splitlines()[-1:] == ["ready"], room.stdout + room.stderr

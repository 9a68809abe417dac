"""tools/setup.sh, run for real on a small project, on PATHs and disks that people really have.

The project has one dependency, a wheel written here, so that nothing comes over the network.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
COREUTILS = ("awk", "cat", "cksum", "df", "dirname", "head", "rm", "sed", "sh", "tail")
UV = shutil.which("uv")
# uv takes no virtual environment's Python for a new one.
PYTHON = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")

BACKEND = """
import base64, hashlib, pathlib, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "labkit-0.1.0-py3-none-any.whl"
    files = {
        "labkit.pth": str(pathlib.Path.cwd()),
        "labkit-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: labkit\\nVersion: 0.1.0\\n",
        "labkit-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\n"
        "Root-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, "labkit-0.1.0.dist-info/RECORD"])
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr("labkit-0.1.0.dist-info/RECORD", record)
    return name
"""


def write_wheel(folder: Path, payload: bytes = b"") -> str:
    """A wheel of the package ``small`` with ``payload`` in it; returns its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small-1.0-py3-none-any.whl"
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    files = {
        "small.py": b"answer = 42\n",
        "small.bin": payload,
        "small-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        "small-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "small-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record += f"{name},sha256={digest.decode()},{len(content)}\n"
        wheel.writestr("small-1.0.dist-info/RECORD", record)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def executable(path: Path, script: str) -> Path:
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


@dataclass
class Desk:
    """A project folder, a PATH with nothing on it but what a test puts there, and the runs."""

    project: Path
    bin: Path
    wheels: Path
    environment: dict[str, str] = field(default_factory=dict)

    def python(self, name: str = "python3", script: str = "") -> Path:
        return executable(self.bin / name, script or f'exec "{PYTHON}" "$@"\n')

    def altered_python(self, alteration: str) -> Path:
        """This Python, after ``alteration``; it reads its program as the real one would."""
        program = f"import sys; {alteration}; exec(sys.stdin.read())"
        return self.python(script=f'shift\nexec "{PYTHON}" -c \'{program}\' "$@"\n')

    def uv(self) -> None:
        if UV is None:
            pytest.skip("uv is not on the PATH: the set-up with uv was NOT tested")
        (self.bin / "uv").symlink_to(UV)

    def lock(self, digest: str) -> None:
        text = f"small==1.0 \\\n    --hash=sha256:{digest}\n"
        (self.project / "requirements.lock").write_text(text)

    def run(self, *prefix: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [*prefix, "sh", str(self.project / "tools" / "setup.sh")]
        environment = {"PATH": str(self.bin), **self.environment, **variables}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=100
        )

    def import_small(self) -> str:
        python = self.project / ".venv" / "bin" / "python"
        code = "import small, labkit; print(small.answer)"
        return subprocess.run(
            [python, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A project that can be set up offline, and no Python yet."""
    project, place, wheels = tmp_path / "a project", tmp_path / "bin", tmp_path / "index" / "small"
    for folder in (project / "tools", project / "labkit", place):
        folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / "tools" / "setup.sh", project / "tools")
    (project / "labkit" / "__init__.py").touch()
    (project / "backend.py").write_text(BACKEND)
    wanted = next(
        line
        for line in (REPOSITORY / "pyproject.toml").read_text().splitlines()
        if line.startswith("requires-python")
    )
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "labkit"\nversion = "0.1.0"\n{wanted}\n'
    )
    for tool in COREUTILS:
        found = shutil.which(tool)
        assert found, f"{tool} is missing on this machine"
        (place / tool).symlink_to(found)
    environment = {
        "HOME": str(tmp_path / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": wheels.parent.as_uri(),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    desk = Desk(project, place, wheels, environment)
    desk.lock(write_wheel(wheels))
    return desk


def the_one_line(run: subprocess.CompletedProcess[str]) -> str:
    """A refusal is one line on stderr that begins with our name, and a status of 1."""
    assert run.returncode == 1, run.stdout + run.stderr
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("labkit: ")
    return lines[0]


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_the_first_run_installs_and_the_second_does_nothing(desk: Desk, installer: str) -> None:
    desk.python()
    if installer == "uv":
        desk.uv()
    first = desk.run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"with {installer}" in first.stdout or f"and {installer}" in first.stdout
    assert desk.import_small() == "42"

    second = desk.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    # A changed lock is installed into the same environment; a moved checkout gets a new one.
    (desk.project / ".venv" / "kept").touch()
    desk.lock(write_wheel(desk.wheels, b"another build"))
    assert desk.run().returncode == 0
    assert (desk.project / ".venv" / "kept").exists()
    desk.project = desk.project.rename(desk.project.with_name("moved"))
    moved = desk.run()
    assert moved.returncode == 0, moved.stderr
    assert "replacing .venv" in moved.stdout
    assert not (desk.project / ".venv" / "kept").exists()
    assert desk.import_small() == "42"


def test_without_any_python(desk: Desk) -> None:
    line = the_one_line(desk.run())
    assert "no Python found on the PATH" in line
    assert "uv" in line


def test_a_python_that_does_not_run_is_none(desk: Desk) -> None:
    desk.python("python3.12", "echo 'version not installed' >&2; exit 127\n")
    assert "no Python found" in the_one_line(desk.run())


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_a_python_too_old_or_too_new(desk: Desk, version: str) -> None:
    digits = version.replace(".", ", ")
    desk.altered_python(f'sys.version_info = ({digits}, 0, "final", 0)')
    line = the_one_line(desk.run())
    assert f"python3 is Python {version}, and labkit needs Python >=3.11,<3.14" in line


def test_a_fitting_python_is_found_behind_one_that_does_not_fit(desk: Desk) -> None:
    desk.altered_python('sys.version_info = (3, 10, 0, "final", 0)').rename(desk.bin / "python3.12")
    desk.python("python3.11")
    run = desk.run()
    assert run.returncode == 0, run.stderr
    assert f"{desk.bin}/python3.11" in run.stdout


def test_a_python_without_venv(desk: Desk) -> None:
    desk.altered_python('sys.modules["ensurepip"] = None')
    line = the_one_line(desk.run())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "has no venv module" in line
    assert f"apt install python{version}-venv" in line


def test_a_chosen_python_that_does_not_fit(desk: Desk) -> None:
    chosen = desk.altered_python('sys.version_info = (3, 9, 0, "final", 0)')
    desk.python("python3.11")
    assert "is Python 3.9" in the_one_line(desk.run(PYTHON=str(chosen)))


def test_uv_without_a_python_and_without_leave_to_fetch_one(desk: Desk) -> None:
    desk.uv()
    line = the_one_line(desk.run(UV_PYTHON="", UV_PYTHON_PREFERENCE="only-system"))
    assert "no Python >=3.11,<3.14 here" in line


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_without_a_network(desk: Desk, installer: str) -> None:
    desk.python()
    if installer == "uv":
        desk.uv()
    closed = "http://127.0.0.1:9/"
    nowhere = {
        "PIP_INDEX_URL": closed,
        "PIP_RETRIES": "1",
        "PIP_FIND_LINKS": "",
        "UV_DEFAULT_INDEX": closed,
        "UV_HTTP_RETRIES": "0",
    }
    del desk.environment["PIP_NO_INDEX"]
    assert "no network" in the_one_line(desk.run(**nowhere))


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_download_that_is_not_the_locked_one(desk: Desk, installer: str) -> None:
    desk.python()
    if installer == "uv":
        desk.uv()
    write_wheel(desk.wheels, b"tampered with")
    line = the_one_line(desk.run())
    assert "not the file that requirements.lock names" in line
    assert not (desk.project / ".venv" / "labkit-stamp").exists()


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_full_disk(desk: Desk, installer: str, tmp_path: Path) -> None:
    desk.python()
    if installer == "uv":
        desk.uv()
        desk.lock(write_wheel(desk.wheels, b"\0" * 8_000_000))
    small = tmp_path / "small disk"
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "labkit", str(small)]
    small.mkdir()
    if subprocess.run(["unshare", "-rm", *mount], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here: a full one was NOT tested")
    inside = (
        'small=$1; shift; "$@" && cp -R "$project/." "$small" && cd "$small" && sh tools/setup.sh'
    )
    tools = os.pathsep.join([str(desk.bin), os.environ["PATH"]])
    # The real PATH is for mount and cp; python3 and uv come first from the desk.
    if installer == "pip":
        tools = os.pathsep.join(
            part for part in tools.split(os.pathsep) if not (Path(part) / "uv").exists()
        )
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inside, "sh", str(small), *mount],
        env={**desk.environment, "PATH": tools, "project": str(desk.project)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert "the disk is full" in the_one_line(run)


def test_another_failure_shows_its_last_lines(desk: Desk) -> None:
    desk.python()
    desk.lock("0" * 64)
    (desk.project / "requirements.lock").write_text("not a requirement at all !!\n")
    run = desk.run()
    assert run.returncode == 1
    assert "not a requirement at all" in run.stderr
    assert run.stderr.splitlines()[-1].startswith("labkit: the set-up failed")

"""A small project and a doctored PATH for tools/setup.sh: no package comes over the network."""

from __future__ import annotations

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

ABOUT = {
    "METADATA": "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
# A build back end for the project: an editable install without anything to download.
BACKEND = f"""
import pathlib, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "labkit-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("labkit.pth", str(pathlib.Path.cwd()))
        for file, text in {ABOUT!r}.items():
            wheel.writestr("labkit-1.0.dist-info/" + file, text.format(name="labkit"))
        record = "".join(item + ",,\\n" for item in wheel.namelist())
        wheel.writestr("labkit-1.0.dist-info/RECORD", record)
    return name
"""


def write_wheel(folder: Path, payload: bytes = b"") -> str:
    """A wheel of the package ``small`` with ``payload`` in it; returns its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("small.py", "answer = 42\n")
        wheel.writestr("small.bin", payload)
        for file, text in ABOUT.items():
            wheel.writestr(f"small-1.0.dist-info/{file}", text.format(name="small"))
        record = "".join(f"{item},,\n" for item in wheel.namelist())
        wheel.writestr("small-1.0.dist-info/RECORD", record)
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
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


def make_desk(tmp_path: Path) -> Desk:
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
        f'[project]\nname = "labkit"\nversion = "1.0"\n{wanted}\n'
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

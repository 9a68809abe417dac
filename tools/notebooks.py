"""Runs the notebooks: ``--check`` compares them with nbval, without it they are stored anew.

Each notebook gets a root of its own under a temporary directory, with nothing of the course in it
but ``labkit.toml`` and ``notebooks/``, so it starts a Redis and a database of its own, and what
answers on this machine's port 6379 is never touched. Two run at a time.

Stored outputs are true and as old as they may be: an output stays as it is while the fresh one
equals it under tests/nbval.cfg, so a run leaves no diff although ids and times differ.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbval.plugin import coalesce_streams, get_sanitize_patterns, transform_streams_for_comparison

from labkit.launch import JUPYTER
from labkit.notebook_hook import VIEW, strip

ROOT = Path(__file__).resolve().parent.parent
SANITIZERS = ROOT / "tests" / "nbval.cfg"
CELL_TIMEOUT = 60
#: What stands in stored outputs in place of the folder that a notebook ran in.
SHOWN_ROOT = "/home/you/labkit"
# As nbval: these differ between runs, or between machines, without a difference in what is seen.
NOT_COMPARED = {"metadata", "traceback", "output_type", "name", "execution_count"}
NOT_COMPARED |= {VIEW, "image/png", "image/jpeg"}


@contextmanager
def classrooms(notebooks: list[Path]) -> Iterator[list[Path]]:
    """A root for each notebook, with a copy of all of them in it; gives each one's own copy."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copies = []
        for notebook in notebooks:
            root = Path(folder).resolve() / notebook.stem / "labkit"
            target = root / notebook.parent.name
            ignore = shutil.ignore_patterns(".ipynb_checkpoints")
            shutil.copytree(notebook.parent, target, ignore=ignore)
            shutil.copy(notebook.parent.parent / "labkit.toml", root)
            copies.append(target / notebook.name)
        yield copies


def environment(cwd: Path) -> dict[str, str]:
    """This process's variables without any setting of labkit's or pytest's, for a classroom."""
    tools = Path(sys.executable).parent
    # A kernel that sees PYTEST_CURRENT_TEST loses what child processes print; chapters run pytest.
    ours = ("LABKIT_", "REDIS_URL", "DATABASE_URL", "PYTEST_")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {
        "PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)]),
        "IPYTHONDIR": str(cwd / ".ipython"),
        # The kernel that `labkit lab` gives.
        "JUPYTER_PATH": str(JUPYTER / "share"),
        # The private server of its own root, and soon gone.
        "LABKIT_LOCAL_REDIS": "",
        "LABKIT_REDIS_LINGER": "1",
    }


def run(command: list[str], cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs one of our environment's tools with no setting of labkit's from outside."""
    tools = Path(sys.executable).parent
    command = [str(tools / command[0]), *command[1:]]
    return subprocess.run(command, cwd=cwd, env=environment(cwd), text=True, check=False, **options)


def check(notebooks: list[Path]) -> int:
    """Compares fresh runs with the stored outputs, strictly; nbval prints what differs."""
    with classrooms(notebooks) as copies:
        top = copies[0].parents[3]
        command = ["pytest", "-q", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={top}"]
        command += ["--nbval", f"--nbval-sanitize-with={SANITIZERS}"]
        command += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "-p", "no:cacheprovider"]
        command += ["--durations=5", "--durations-min=2"]
        if len(copies) > 1:
            command += ["-n3", "--dist=loadscope"]
        return run([*command, *map(str, copies)], cwd=top).returncode


def store_all(notebooks: list[Path], *, fresh: bool = False) -> int:
    """Stores every notebook, two at a time, and prints how it went; returns the exit status."""

    def timed(notebook: Path) -> tuple[str, float]:
        began = time.monotonic()
        return store(notebook, fresh=fresh), time.monotonic() - began

    status = 0
    with ThreadPoolExecutor(2) as pool:
        for notebook, (problem, seconds) in zip(notebooks, pool.map(timed, notebooks), strict=True):
            print(f"{notebook.name:<36} {'FAILED' if problem else 'ok':<7} {seconds:5.1f} s")
            if problem:
                print(problem, flush=True)
                status = 1
    return status


def store(notebook: Path, *, fresh: bool = False) -> str:
    """Runs a notebook and writes what is new in it; returns a failing cell's error, or nothing.

    With ``fresh`` every output is replaced; a picture alone is no reason to call a run new.
    """
    stored = nbformat.read(notebook, as_version=4)
    with classrooms([notebook]) as [path]:
        # A process of its own: nbclient leaves sockets and event loops to the collector.
        command = ["jupyter-execute", "--inplace", "--kernel_name=python3"]
        command += [f"--timeout={CELL_TIMEOUT}", str(path)]
        done = run(command, path.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            return done.stdout
        text = path.read_text(encoding="utf-8").replace(str(path.parent.parent), SHOWN_ROOT)
    ran = tidy(nbformat.reads(text, as_version=4))
    if not fresh:
        keep_equal_outputs(stored, ran, SANITIZERS.read_text(encoding="utf-8"))
    text = nbformat.writes(ran) + "\n"
    if text != notebook.read_text(encoding="utf-8"):
        notebook.write_text(text, encoding="utf-8", newline="\n")
    return ""


def tidy(notebook: Any) -> Any:
    """The notebook without widget views, and without what differs from run to run."""
    notebook = strip(notebook)
    notebook.metadata = {
        **notebook.metadata,
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for key in ("execution", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(key, None)
    fold_answers(notebook)
    return notebook


def fold_answers(notebook: Any) -> None:
    """Folds what a prediction asks about, up to where it is settled; JupyterLab unfolds on running.

    A reader of the stored notebook can so make up their mind before they see what happened.
    """
    asked = False
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("jupyter", None)
        if asked and cell.outputs:
            cell.metadata["jupyter"] = {"outputs_hidden": True}
        asked = (asked or "predict(" in cell.source) and "settle(" not in cell.source


def keep_equal_outputs(stored: Any, ran: Any, sanitizers: str) -> None:
    """Puts the stored outputs back into ``ran`` when all of the fresh ones equal them.

    All or none: an id in one cell and the same id in the next are of one run.
    """
    patterns = dict(get_sanitize_patterns(sanitizers))
    before = {cell.get("id"): cell for cell in stored.cells if cell.cell_type == "code"}
    pairs = [(cell, before.get(cell.get("id"))) for cell in ran.cells if cell.cell_type == "code"]
    if any(
        old is None or comparable(old.outputs, patterns) != comparable(cell.outputs, patterns)
        for cell, old in pairs
    ):
        return
    for cell, old in pairs:
        cell.outputs = old.outputs
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count


def comparable(outputs: Any, patterns: dict[str, str]) -> dict[str, list[str]]:
    """What nbval would compare: for each kind of output its texts, in order, sanitized."""
    texts: dict[str, list[str]] = defaultdict(list)
    for output in transform_streams_for_comparison(coalesce_streams(copy.deepcopy(outputs))):
        for kind, value in {**output, **output.get("data", {})}.items():
            if kind in NOT_COMPARED or kind == "data":
                continue
            # A terminal ends its lines with both, and JupyterLab stores one of them.
            text = str(value).replace("\r\n", "\n")
            for regex, replacement in patterns.items():
                text = re.sub(regex, replacement, text)
            texts[kind].append(text)
    return texts


def main(arguments: list[str] | None = None, folder: Path = ROOT / "notebooks") -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare; write nothing")
    parser.add_argument("--fresh", action="store_true", help="store every output, equal or not")
    parser.add_argument("names", nargs="*", help="parts of names, such as 05 (default: all)")
    options = parser.parse_args(arguments)
    notebooks = [
        path
        for path in sorted(folder.glob("*.ipynb"))
        if not options.names or any(name in path.name for name in options.names)
    ]
    if not notebooks:
        print(f"no notebook {' '.join(options.names)} in {folder}")
        return 1
    return check(notebooks) if options.check else store_all(notebooks, fresh=options.fresh)


if __name__ == "__main__":
    sys.exit(main())

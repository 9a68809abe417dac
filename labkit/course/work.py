"""The learner's own files, from a notebook: ``%%work NAME`` saves a cell as a file of ``work/``.

    %%work app/jobs/task_logger.py     # the cell below this line becomes the file
    %work app/jobs/task_logger.py      # prints the file
    run_tests()                        # what pytest says of them

The files are ordinary ones: an editor does as well, and a worker that starts afterwards reads them
either way.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from labkit import hooks
from labkit.course.show import print_line
from labkit.errors import CourseError
from labkit.settings import Settings


def folder() -> Path:
    """``work/`` at the root: the learner's own application."""
    return Settings().work


def path(name: str) -> Path:
    """The place of a file, named from ``work/`` on.

    Raises:
      CourseError: the name leads out of ``work/``, or names no file.
    """
    place = (folder() / name).resolve()
    if folder().resolve() not in place.parents:
        raise CourseError(
            f"{name!r} is no file inside work/. Name it from there on, as app/jobs/task_logger.py."
        )
    return place


def read(name: str) -> str:
    """What a file holds.

    Raises:
      CourseError: there is no such file.
    """
    try:
        return path(name).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise CourseError(f"There is no file work/{name} yet.") from None


def write(name: str, text: str) -> None:
    """Save a file, and say so; importing it in this kernel then means the file as it is now.

    Raises:
      CourseError: the name leads out of ``work/``; or the file is saved, and is no valid Python.
    """
    place = path(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text.strip("\n") + "\n", encoding="utf-8")
    if place.suffix == ".py":
        _forget(place)
        _check_syntax(name, place)
    print_line(f"Saved work/{name}.")


def show(name: str) -> None:
    """Print a file.

    Raises:
      CourseError: there is no such file.
    """
    print_line(read(name.strip()).rstrip("\n"))


def put_aside(*names: str) -> None:
    """Take files out of ``work/``, so that a chapter begins without them; nothing is lost.

    They are kept under ``.labkit/aside/``, the last ones of each name.
    """
    aside = Settings().state_dir / "aside"
    for name in names:
        place = path(name)
        if place.exists():
            kept = aside / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(place, kept)
            _forget(place)
    print_line(f"Not in work/ now: {', '.join(names)}. What was there is kept in .labkit/aside/.")


def run_tests(*names: str) -> dict[str, bool]:
    """Run ``pytest`` in ``work/``, print command and summary, and return which tests passed.

    Parameters:
      names: as pytest takes them, such as ``tests/jobs/test_task_logger.py``; none is all.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-rpfE", "--tb=no", "--color=no"]
    command += ["-p", "labkit.pytest_plugin"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    # Whole lines; no bytecode, for the same reason as in _forget; and none of the plugins that are
    # installed for this course's own tests, which would take longer to load than the tests to run.
    environment |= {"COLUMNS": "1000", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(
        [*command, *names],
        cwd=folder(),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    outcomes = [line for line in lines if line.startswith(("PASSED ", "FAILED ", "ERROR "))]
    # The command first: of an output that is folded, JupyterLab shows the first line.
    print_line(" ".join(["pytest", *names]))
    print_line("\n".join([*outcomes, *lines[-1:]]) or ran.stderr)
    return {line.split()[1].rpartition("::")[2]: line.startswith("PASSED") for line in outcomes}


def _forget(place: Path) -> None:
    """Let the next import read the file, in this process and in others."""
    if str(folder()) not in sys.path:
        sys.path.insert(0, str(folder()))
    module = ".".join(place.relative_to(folder().resolve()).with_suffix("").parts)
    sys.modules.pop(module, None)
    hooks.forget(module)
    # Python compares whole seconds and the size, so two quick saves of one length look alike.
    Path(importlib.util.cache_from_source(str(place))).unlink(missing_ok=True)
    importlib.invalidate_caches()


def _check_syntax(name: str, place: Path) -> None:
    try:
        compile(place.read_text(encoding="utf-8"), name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise CourseError(
            f"work/{name} is saved, but no worker can read it: {error.msg} in line {error.lineno}."
        ) from None

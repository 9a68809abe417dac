"""The course's notebooks as they were shipped: which have changed, and how to have them back.

What was shipped is what git holds of them; a course that came without git cannot tell.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.course import chapters
from labkit.settings import Settings

FOLDER = "notebooks"


def names() -> list[str]:
    """The file of each chapter's notebook, from the root on."""
    return [f"{FOLDER}/{chapter.notebook}.ipynb" for chapter in chapters.every()]


def missing(root: Path) -> list[str]:
    """The notebooks that are not there."""
    return [name for name in names() if not (root / name).is_file()]


def changed(root: Path) -> list[str] | None:
    """The notebooks whose cells somebody has changed; None where nobody can tell.

    A notebook that was run has other outputs, and is the same notebook.
    """
    found = []
    for name in names():
        stored = _shipped(root, name)
        if stored is None:
            return None
        if (root / name).is_file() and _cells((root / name).read_bytes()) != _cells(stored):
            found.append(name)
    return found


def restore() -> tuple[list[str], Path | None]:
    """Put the shipped notebooks in the place of all that differ, outputs included.

    Returns which they were, and the folder under ``.labkit/aside/`` that keeps what was there.
    """
    settings = Settings()
    found: list[str] = []
    kept = (
        settings.state_dir / "aside" / f"{FOLDER}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S-%f}"
    )
    for name in names():
        place, stored = settings.root / name, _shipped(settings.root, name)
        if stored is None or (place.is_file() and place.read_bytes() == stored):
            continue
        if place.is_file():
            kept.mkdir(parents=True, exist_ok=True)
            shutil.move(place, kept / place.name)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(stored)
        found.append(name)
    return found, kept if kept.is_dir() else None


def _cells(content: bytes) -> list[tuple[str, str]] | None:
    try:
        cells: list[Any] = json.loads(content)["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return None  # so it is no notebook any more


def _shipped(root: Path, name: str) -> bytes | None:
    """What git holds of a file; None where there is no git, or it does not know the file."""
    try:
        shown = subprocess.run(
            ["git", "show", f"HEAD:./{name}"], cwd=root, capture_output=True, check=False
        )
    except OSError:
        return None
    return shown.stdout if shown.returncode == 0 else None

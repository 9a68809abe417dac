"""Makes docs/board.png, the README's picture: JupyterLab in a real Chromium, jobs under way."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.lab import Lab

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "board.png"
CELLS = (
    "%load_ext labkit\n"
    "from datetime import timedelta\n"
    "from labkit import Task, session\n"
    "from labkit.jobs import task_logger\n"
    "from labkit.widgets import JobBoard\n"
    "from labkit.worker import Worker",
    "board = JobBoard()\nboard",
    "with Worker.start() as worker, session() as tasks:\n"
    '    for title in ("Send the invoice", "Water the plants", "Read chapter 05"):\n'
    "        tasks.add(Task(title=title))\n"
    "    tasks.commit()\n"
    "    task_logger.send(404)  # there is no such task\n"
    '    worker.wait_for("LookupError")',
    "task_logger.send_in(timedelta(minutes=1), 1)\ntask_logger.send(2).message_id",
)


def take(target: Path) -> None:
    """Runs the cells in JupyterLab, on a Redis of their own, and photographs the window."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("labkit: the picture is taken in Chromium, and there is none on the PATH")
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        shutil.copy(ROOT / "labkit.toml", folder)
        variables = {
            "LABKIT_HOME": str(folder),
            "LABKIT_LOCAL_REDIS": "",
            "LABKIT_REDIS_LINGER": "1",
        }
        with Lab(folder, variables) as lab, sync_playwright() as playwright:
            lab.write("board.ipynb", *CELLS)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            notebook = lab.open(browser, "board.ipynb", size=(1200, 840))
            notebook.page.emulate_media(reduced_motion="reduce")
            notebook.run_all()
            notebook.wait_for_run(len(CELLS) - 1)
            # What was sent last has reached the board.
            notebook.cell(1).get_by_text("in 1:00").wait_for()
            notebook.page.locator(".jp-Notebook").press("Control+Home")
            notebook.page.screenshot(path=target)
            notebook.close()
            browser.close()


if __name__ == "__main__":
    take(PICTURE)
    print(f"labkit: {PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size // 1024} kB")

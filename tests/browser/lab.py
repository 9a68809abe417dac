"""A real JupyterLab on a folder of its own, and the pages of a real Chromium that open it."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit import tether
from labkit.redis_process import free_port
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from playwright.sync_api import Browser, Locator, Page

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
#: The two front ends, which one server serves: where each opens a notebook.
FRONT_ENDS = {"lab": "doc/tree", "notebook": "notebooks"}
#: What each shows while the kernel waits for work.
_IDLE = {
    "lab": '#jp-main-statusbar:has-text("| Idle")',
    # Before it looks for a kernel it shows "Idle", too.
    "notebook": '.jp-Toolbar:has(.jp-KernelName:has-text("Python")) [data-status="idle"]',
}


class Lab:
    """JupyterLab, with everything that it keeps inside ``folder``; notebooks are opened from it.

    Where Notebook 7 is installed, the same server opens them in that, too.

    Parameters:
      folder: an existing, empty folder.
      env: variables for the server and its kernels, over those of this process.
      hook: strip what is saved, as ``labkit lab`` does.
    """

    def __init__(self, folder: Path, env: dict[str, str], *, hook: bool = True) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        self.url = ""
        self._env = env
        self._hook = hook
        self._server: tether.Tethered | None = None

    def __enter__(self) -> Self:
        port = free_port(None)
        self.url = f"http://127.0.0.1:{port}"
        places = {
            name: str(self.folder / ".jupyter" / name.lower())
            for name in (
                "JUPYTER_CONFIG_DIR",
                "JUPYTER_DATA_DIR",
                "JUPYTER_RUNTIME_DIR",
                "JUPYTERLAB_SETTINGS_DIR",
                "JUPYTERLAB_WORKSPACES_DIR",
                "IPYTHONDIR",
            )
        }
        for place in places.values():
            Path(place).mkdir(parents=True, exist_ok=True)
        for name, values in SETTINGS.items():
            self.set(name, values)
        options = {
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": str(self.folder),
            "IdentityProvider.token": self.token,
        }
        if self._hook:
            options["ContentsManager.pre_save_hook"] = "labkit.notebook_hook.pre_save"
        command = [sys.executable, "-m", "jupyterlab"]
        command += [f"--{name}={value}" for name, value in options.items()]
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        env.pop("PYTEST_CURRENT_TEST", None)  # ipykernel changes its ways when it sees it
        log = self.folder / "jupyter.log"
        self._server = tether.start(
            command, output=log, env={**env, **places, **self._env}, cwd=self.folder
        )
        wait_until(self._answers, 40, f"JupyterLab answers; its log is {log}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.signal(
                signal.SIGTERM
            )  # it ends its kernels, which are no part of its group
            if not self._server.wait(15):
                self._server.kill()

    def set(self, plugin: str, values: dict[str, Any]) -> None:
        """Write a user setting of JupyterLab; pages opened from now on have it."""
        folder = self.folder / ".jupyter" / "jupyterlab_settings_dir"
        path = folder / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def write(self, name: str, *cells: str) -> Path:
        """A notebook with these code cells (Markdown where it begins with ``# ``)."""
        made = [
            new_markdown_cell(text[2:]) if text.startswith("# ") else new_code_cell(text)
            for text in cells
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=made, metadata={"kernelspec": kernel})
        path = self.folder / name
        nbformat.write(notebook, path)
        return path

    def read(self, name: str) -> Any:
        """The notebook as it is stored."""
        return nbformat.read(self.folder / name, as_version=4)

    def open(
        self,
        browser: Browser,
        name: str,
        theme: str = "light",
        size: tuple[int, int] = (1200, 900),
        front_end: str = "lab",
        **options: Any,
    ) -> Notebook:
        """A page of its own with one notebook on it; ``options`` are those of a browser context."""
        self.set("@jupyterlab/apputils-extension/themes", {"theme": THEMES[theme]})
        viewport: Any = {"width": size[0], "height": size[1]}
        page = browser.new_context(viewport=viewport, **options).new_page()
        page.goto(f"{self.url}/{FRONT_ENDS[front_end]}/{name}?token={self.token}&reset")
        notebook = Notebook(page, self, front_end)
        notebook.wait_until_open()
        return notebook

    @contextmanager
    def showing(
        self, browser: Browser, name: str, *cells: str, **options: Any
    ) -> Iterator[Notebook]:
        """A notebook of these cells, open until the block ends; the first, a board, has run."""
        self.write(name, *cells)
        notebook = self.open(browser, name, **options)
        notebook.run_cell(0)
        notebook.page.locator(".lk-board").first.wait_for(timeout=30_000)
        yield notebook
        notebook.close()


class Notebook:
    """One notebook in one page."""

    def __init__(self, page: Page, lab: Lab, front_end: str = "lab") -> None:
        self.page = page
        self._lab = lab
        self._idle = _IDLE[front_end]

    def wait_until_open(self) -> None:
        """Its cells are there, and its kernel is: JupyterLab asks which one if it is run before."""
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=40_000)
        self.page.locator(self._idle).wait_for(timeout=40_000)

    def run_all(self) -> None:
        """Run all cells, from the menu."""
        self._choose("Run", re.compile("^Run All Cells$"))

    def set_theme(self, theme: str) -> None:
        """Change to another theme, from the menu."""
        name = THEMES[theme]
        self._choose("Settings", re.compile("^Theme$"), re.compile(f"^{name}$"))
        self.page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")

    def run_cell(self, number: int) -> None:
        """Select a cell by its place, from 0, and run it."""
        self.cell(number).locator(".jp-InputPrompt").click()
        # By the menu: a page that has just opened may know its shortcuts a little later.
        self._choose("Run", re.compile("^Run Selected Cells? and Do not Advance"))

    def _choose(self, menu: str, *items: re.Pattern[str]) -> None:
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        for item in items:
            label = self.page.locator(".lm-Menu-itemLabel", has_text=item)
            label.hover()
            if item is items[-1]:
                label.click()

    def save(self) -> None:
        """Save, and wait until JupyterLab has done all that it does for that."""
        with self.page.expect_response(
            lambda reply: "/checkpoints" in reply.url and reply.request.method == "POST"
        ):
            self.page.keyboard.press("Control+s")

    def cell(self, number: int) -> Locator:
        """A cell by its place, from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def wait_for_run(self, number: int, timeout: float = 60.0) -> None:
        """Until the cell has a number in its prompt, and no star."""
        prompt = self.cell(number).locator(".jp-InputPrompt")
        wait_until(
            lambda: (prompt.text_content() or "").strip("[]: ").isdigit(),
            timeout,
            f"cell {number} has run",
        )

    def close(self) -> None:
        """Close the page."""
        self.page.context.close()

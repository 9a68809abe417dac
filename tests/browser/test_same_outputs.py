"""JupyterLab in a real browser gives what is stored, and so what nbval and nbclient give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.browser.lab import Lab
from tests.support import wait_until
from tests.test_notebooks_nbclient import differences
from tools import notebooks

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
NAMES = [path.stem for path in sorted((notebooks.ROOT / "notebooks").glob("*.ipynb"))]
SHORT = NAMES[:1]


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_in_lab(browser: Browser, name: str) -> None:
    path = notebooks.ROOT / "notebooks" / f"{name}.ipynb"
    with notebooks.classrooms([path]) as [copy]:
        place = f"{copy.parent.name}/{copy.name}"
        with Lab(copy.parents[1], notebooks.environment(copy.parent)) as lab:
            page = lab.open(browser, place)
            page.run_all()

            def ran() -> bool:
                status = page.page.locator("#jp-main-statusbar").text_content() or ""
                if "| Idle" not in status:
                    return False
                page.save()
                return all(cell.execution_count for cell in code_of(lab.read(place)))

            wait_until(ran, 300, f"{name} has run and is saved")
            fresh = lab.read(place)
            page.close()
    found = list(differences(code_of(nbformat.read(path, as_version=4)), code_of(fresh)))
    assert not found, "\n".join(found)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SHORT)
def test_a_chapter_in_jupyterlab_gives_what_is_stored(browser: Browser, name: str) -> None:
    run_in_lab(browser, name)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES[1:])
def test_every_chapter_in_jupyterlab_gives_what_is_stored(browser: Browser, name: str) -> None:
    run_in_lab(browser, name)

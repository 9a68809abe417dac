"""The widgets in VS Code's renderer: the bundle that its Jupyter extension shows ipywidgets with.

VS Code itself is not there. Its extension gives a kernel and an element to Microsoft's own widget
manager, and finds the module of a widget in Jupyter's folders; vscode_page.js does the same. The
bundle and the loader that it needs come from npm, so these are slow tests, skipped without it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.browser.axe import complaints
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.slow]

PACKAGES = ("@vscode/jupyter-ipywidgets8@1.0.9", "requirejs@2.3.7")
ANYWIDGET = Path(sys.prefix, "share/jupyter/nbextensions/anywidget/index.js")
INDEX = "<!doctype html><script src=require.js></script><script type=module src=page.js></script>"
BUSY = """
import time
from pathlib import Path
while not Path("vscode-go-on").exists():
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the page is made of."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on the PATH to get VS Code's renderer with")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
    got = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, timeout=110)
    if got.returncode:
        pytest.skip(f"npm could not get VS Code's renderer: {got.stderr[-300:]}")
    modules = folder / "node_modules"
    return {
        "page.js": Path(__file__).with_name("vscode_page.js"),
        "ipywidgets.js": modules / "@vscode/jupyter-ipywidgets8/dist/ipywidgets.js",
        "require.js": modules / "requirejs/require.js",
        "anywidget.js": ANYWIDGET,
    }


@pytest.fixture
def page(lab: Lab, browser: Browser, files: dict[str, Path], redis_url: str) -> Iterator[Page]:
    """A page that is connected to a kernel of its own."""
    (lab.folder / "vscode-go-on").unlink(missing_ok=True)
    kernels = f"{lab.url}/api/kernels"
    body = json.dumps({"name": "python3"}).encode()
    request = urllib.request.Request(f"{kernels}?token={lab.token}", body, method="POST")
    with urllib.request.urlopen(request) as reply:
        kernel = json.load(reply)["id"]

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name in files:
            route.fulfill(content_type="text/javascript", body=files[name].read_text("utf-8"))
        else:
            route.fulfill(content_type="text/html", body=INDEX)

    context = browser.new_context(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["local-network-access"])  # its files come from no server
    page = context.new_page()
    page.route(f"{lab.url}/vscode/**", serve)
    page.goto(f"{lab.url}/vscode/")
    page.wait_for_function("() => Boolean(window.run)")
    channels = f"{kernels}/{kernel}/channels?token={lab.token}".replace("http", "ws", 1)
    modules = {"anywidget": "/vscode/anywidget"}
    page.evaluate("args => start(...args)", [channels, kernel, modules])
    yield page
    context.close()
    request = urllib.request.Request(f"{kernels}/{kernel}?token={lab.token}", method="DELETE")
    urllib.request.urlopen(request).close()


def run(page: Page, code: str) -> None:
    page.evaluate("code => run(code, document.body)", code)


def test_a_board_is_live_and_acts(page: Page, broker: LabBroker, ledger: Ledger) -> None:
    run(page, "from labkit.widgets import JobBoard\nJobBoard(limit=5)")
    board = page.locator(".lk-board")
    expect(board.locator(".lk-empty")).to_be_visible()
    for number in range(3):
        broker.enqueue(Message("default", "charge", (number,), {}, {}))
    expect(board.locator("tbody tr")).to_have_count(3)
    expect(board.locator("[data-state=enqueued] .lk-count")).to_have_text("3")
    board.get_by_role("tab", name="Enqueued").press("ArrowLeft")
    expect(board.locator(".lk-list caption")).to_have_text("Jobs scheduled")
    board.get_by_role("tab", name="Enqueued").click()
    board.locator(".lk-open", has_text="charge(1)").click()
    opened = board.get_by_role("group", name="The opened job")
    expect(opened).to_contain_text("no worker runs")
    opened.get_by_role("button", name="Cancel").click()
    expect(board.locator(".lk-said")).to_contain_text("1 cancelled")
    assert ledger.counts()[JobState.CANCELLED] == 1
    assert complaints(page) == []


def test_it_moves_while_a_cell_runs_and_a_click_waits_for_its_end(
    page: Page, lab: Lab, broker: LabBroker, ledger: Ledger
) -> None:
    run(page, "from labkit.widgets import JobBoard\nJobBoard(limit=5)")
    board = page.locator(".lk-board")
    expect(board.locator(".lk-empty")).to_be_visible()
    page.evaluate("code => { run(code, document.body) }", BUSY)
    broker.enqueue(Message("default", "charge", (7,), {}, {}))
    expect(board.locator("tbody tr")).to_have_count(1)
    board.get_by_role("button", name="Cancel charge(7)").click()
    expect(board.locator(".lk-foot .lk-words")).to_have_text("waiting for the kernel")
    assert ledger.counts()[JobState.ENQUEUED] == 1
    (lab.folder / "vscode-go-on").touch()
    expect(board.locator(".lk-said")).to_contain_text("1 cancelled")
    wait_until(lambda: ledger.counts()[JobState.CANCELLED] == 1)


def test_the_other_widgets_and_the_form_of_ipywidgets(page: Page, broker: LabBroker) -> None:
    broker.enqueue(Message("default", "charge", (7,), {}, {}))
    names = "Timeline, Throughput, WorkerPanel"
    run(page, f"from ipywidgets import VBox\nfrom labkit.widgets import {names}")
    run(page, "VBox([Timeline(), Throughput(), WorkerPanel(threads=1)])")
    expect(page.locator(".lk-timeline")).to_contain_text("charge")
    expect(page.locator(".lk-throughput")).to_contain_text("No job ran")
    expect(page.locator(".lk-worker")).to_be_visible()

"""What jobs, workers and namespaces bring along is text: nothing of it runs or leaves its place."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import bleach
import pytest
from playwright.sync_api import expect

from labkit.redact import safe_text
from labkit.redis_server import ThrowawayRedis
from tests.browser.looks import look
from tests.support_hostile import CORPUS, RUN, WORKERS, plant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NAMESPACE = f"<img src=x onerror={RUN}>"
CELLS = (
    """
import json
from pathlib import Path
from labkit.widgets import JobBoard, Throughput, Timeline, WorkerPanel
CORPUS = json.loads(Path("corpus.json").read_text())
place = {"url": URL, "namespace": NAMESPACE}
""",
    'board = JobBoard(**place, state="dead", limit=100, read_only=False)\nboard',
    "Timeline(*CORPUS[::12], **place)",
    "Throughput(**place)",
    """
panel = WorkerPanel(threads=1, queues=["panel"], env={"REDIS_URL": URL})
with panel.start().log_path.open("ab") as log:
    log.write("\\n".join(CORPUS[-12::-2]).encode("utf-8", "surrogatepass"))
panel
""",
    "board.show('dead')\nboard.snapshot()",
)


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Browser) -> Iterator[Page]:
    """A page with all widgets on the corpus; ``dialog`` and errors of it are kept."""
    with ThrowawayRedis() as server:
        with server.client() as client:
            plant(client, NAMESPACE)
        (lab.folder / "corpus.json").write_text(json.dumps(CORPUS))
        names = f"URL, NAMESPACE = {server.url!r}, {NAMESPACE!r}"
        lab.write("hostile.ipynb", names, *CELLS)
        opened = lab.open(browser, "hostile.ipynb", size=(1200, 9_000))
        opened.run_all()
        opened.wait_for_run(len(CELLS))
        yield opened.page
        opened.close()


def nothing_ran(page: Page, root: str = ".labkit") -> None:
    assert page.evaluate("window.stolen") is None
    assert look(page, "foreign", root) == []


def test_every_row_holds_every_payload(page: Page) -> None:
    board = page.locator(".lk-board")
    board.get_by_role("tab", name="Dead").click()
    width = (board.bounding_box() or {})["width"]
    seen: set[str] = set()
    for first in range(1, len(CORPUS) + 1, 100):
        last = min(first + 99, len(CORPUS))
        expect(board.locator(".lk-range")).to_have_text(f"{first}–{last} of {len(CORPUS)}")
        nothing_ran(page)
        rows = board.locator(".lk-list tbody tr")
        heights = rows.evaluate_all("rows => rows.map(r => r.getBoundingClientRect().height)")
        assert set(heights) == {30}
        assert (board.bounding_box() or {})["width"] == width
        seen |= set(rows.locator("b").all_text_contents())
        open_and_close(board, (first // 100) * 13)
        if last < len(CORPUS):
            board.get_by_role("button", name="Next page").click()
    assert seen == {safe_text(text, 80) for text in CORPUS}


def open_and_close(board: Locator, row: int) -> None:
    button = board.locator(".lk-list tbody tr").nth(row).locator(".lk-open")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(board.locator(".lk-opened")).to_be_visible()
    nothing_ran(board.page)
    button.click()
    expect(board.locator(".lk-opened")).to_be_hidden()


def test_bars_and_a_workers_window_hold_it_too(page: Page) -> None:
    known = [text for text in CORPUS[::12] if text.encode(errors="ignore").decode() == text]
    expect(page.locator(".lk-bars li")).to_have_count(len(known))
    expect(page.locator(".lk-window")).to_contain_text("<script>")
    nothing_ran(page)
    for widget in ("lk-timeline", "lk-worker"):
        assert not [what for what in look(page, "unseen") if widget in what]


def test_workers_questions_and_answers_hold_it_too(page: Page) -> None:
    board = page.locator(".lk-board")
    board.get_by_role("button", name="Workers", exact=True).click()
    crew = board.get_by_role("group", name="Workers", exact=True)
    known = [text for text in WORKERS if text.encode(errors="ignore").decode() == text]
    expect(crew.locator("tbody tr")).to_have_count(len(known))
    nothing_ran(page)
    crew.get_by_role("button", name="Quiet").nth(4).click()
    expect(board.locator(".lk-outcome")).to_contain_text("takes no more jobs")
    expect(board.locator(".lk-said code")).to_contain_text(".quiet(")
    expect(crew).to_contain_text("quiet: it takes no more jobs")
    nothing_ran(page)
    board.get_by_role("button", name="Workers", exact=True).click()

    one = f"<img src=x onerror={RUN}>"
    search = board.get_by_role("searchbox")
    search.fill(f'actor:"{one}"')
    expect(board.locator(".lk-list tbody tr")).to_have_count(1)
    board.get_by_role("button", name="Delete… all 1").click()
    question = board.get_by_role("dialog")
    expect(question).to_contain_text(f'that match “actor:"{one}"”?')
    expect(question.locator("code")).to_contain_text(f'.select("dead", actor="{one}").delete()')
    nothing_ran(page)
    assert look(page, "unseen") == []
    page.keyboard.press("Escape")
    search.fill("")


def test_a_chart_of_their_queues_is_numbers_alone(page: Page) -> None:
    chart = page.locator(".lk-throughput")
    expect(chart.locator("tbody tr")).to_have_count(1)
    expect(chart.locator("tbody td").first).to_have_text(str(len(CORPUS)))
    nothing_ran(page)


#: What GitHub's sanitiser leaves of a notebook's HTML; styles, ids and classes are not among it.
TAGS = """h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul table
thead tbody tfoot blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary
details caption figure figcaption abbr cite dfn mark small span time wbr"""
ATTRIBUTES = {"*": ["align", "colspan", "rowspan", "title", "width"], "a": ["href"], "img": ["src"]}


def test_static_twins_are_text_for_every_viewer(
    page: Page, lab: Lab, browser: Browser, notebook_html: str
) -> None:
    own = browser.new_page()
    own.goto(f"file://{lab.folder}/hostile.html")
    nothing_ran(own, ".jp-OutputArea")
    own.set_content(bleach.clean(notebook_html, TAGS.split(), ATTRIBUTES, strip=True))
    nothing_ran(own, "table")
    rows = own.locator("tbody tr")
    expect(rows).to_have_count(100)
    calls = rows.locator("code").all_text_contents()
    for text, call in zip(CORPUS[::-1], calls, strict=False):
        assert " ".join(safe_text(text, 80).split()) in " ".join(call.split())
    own.close()


@pytest.fixture
def notebook_html(page: Page, lab: Lab) -> str:
    """The snapshot's HTML out of the saved notebook, which nbconvert has turned into a page."""
    with page.expect_response(lambda reply: "/checkpoints" in reply.url):
        page.keyboard.press("Control+s")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "hostile.ipynb"]
    done = subprocess.run(command, cwd=lab.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    output = lab.read("hostile.ipynb").cells[len(CELLS)].outputs[0]
    return str(output["data"]["text/html"])

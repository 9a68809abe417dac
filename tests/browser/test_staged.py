"""All widgets on one page: what axe-core finds, what is cut off, what hangs over, moves or jumps.

In light, dark and high contrast, in JupyterLab and in Notebook 7, from 320 px to wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from tests.browser import stage
from tests.browser.axe import complaints
from tests.browser.lab import FRONT_ENDS, THEMES
from tests.browser.looks import look
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from labkit.redis_server import ThrowawayRedis
    from tests.browser.lab import Notebook

SHORT = [("lab", "light"), ("notebook", "dark")]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize(
    ("either", "theme"),
    [
        # A theme's colours are the same in both: each has one of the two in the short form.
        pytest.param(name, theme, marks=() if (name, theme) in SHORT else pytest.mark.slow)
        for name in FRONT_ENDS
        for theme in THEMES
    ],
    indirect=["either"],
)
def test_axe_finds_nothing_with_all_widgets_on_one_page(either: Notebook, theme: str) -> None:
    board, form = stage.board_of(either), either.cell(stage.cell("form"))
    question = either.cell(stage.cell("quiz")).get_by_role("group").first
    either.set_theme(theme)
    board.get_by_role("button", name="Workers", exact=True).click()
    expect(board.locator(".lk-crew tbody tr").first).to_be_visible()
    board.locator(".lk-open", has_text="charge(42").click()
    expect(board.locator(".lk-attempts pre").last).to_be_visible()
    found = []
    everything, answered = ".labkit", ".lk-task, .labkit:has([type=radio])"
    for title, words, choice, where in (
        (" ", "must not be empty", 0, everything),
        ("Buy milk", "created", 1, answered),
    ):
        form.get_by_label("Title").fill(title)
        form.get_by_label("Title").press("Enter")
        expect(form.get_by_role("status")).to_contain_text(words)
        question.get_by_role("radio").nth(choice).click()
        said = f"form: {words}, question: option {choice}:"
        found += complaints(either.page, where, said)
    board.get_by_role("button", name="Close the job").click()
    board.get_by_role("button", name="Workers", exact=True).click()
    assert not found, "\n\n".join(found[:20])


@pytest.mark.parametrize(
    "names",
    [
        ["Completed", "Dead"],
        pytest.param(
            ["Scheduled", "Enqueued", "Running", "Retrying", "Cancelled"], marks=pytest.mark.slow
        ),
    ],
)
def test_axe_finds_nothing_on_any_tab(staged: Notebook, names: list[str]) -> None:
    board, found = stage.board_of(staged), []
    for name in names:
        tab = board.get_by_role("tab", name=name)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(tab).not_to_have_attribute("aria-busy", "true")
        found += complaints(staged.page, "#staged", where=f"tab {name}:")
    board.get_by_role("tab", name="Recent").click()
    assert not found, "\n\n".join(found[:20])


def test_axe_sees_what_is_wrong(staged: Notebook) -> None:
    stage.board_of(staged).locator(".lk-foot").evaluate(
        "foot => foot.insertAdjacentHTML('beforeend', '<button></button>"
        '<b id=plant style="color: #888; background: #999">hard to read</b>\')'
    )
    found = complaints(staged.page, "#staged")
    assert [complaint.partition(":")[0] for complaint in found] == ["button-name", "color-contrast"]
    stage.board_of(staged).locator("#plant, button:empty").evaluate_all(
        "all => all.map(e => e.remove())"
    )


@pytest.fixture(scope="module")
def narrow(either: Notebook) -> Iterator[Page]:
    """The stage with a failed job opened; the window is as large as before when all is done."""
    staged, board = either, stage.board_of(either)
    board.get_by_role("button", name="Workers", exact=True).click()
    board.locator(".lk-open", has_text="charge(42").click()
    expect(board.locator(".lk-attempts pre").last).to_be_visible()
    size = staged.page.viewport_size
    yield staged.page
    if size:
        staged.page.set_viewport_size(size)
    board.get_by_role("button", name="Close the job").click()
    board.get_by_role("button", name="Workers", exact=True).click()


def settle(page: Page) -> None:
    """Until all boxes are the same in two frames: a window that has changed is laid out anew."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")


# 600 is a window of 1200 px at 200 % zoom: a page then has half the pixels to lay itself out.
@pytest.mark.parametrize("width", [320, 400, 600, 800, 1200, 1900])
def test_nothing_is_cut_off(narrow: Page, width: int) -> None:
    narrow.set_viewport_size({"width": width, "height": 5200})
    settle(narrow)
    unseen = look(narrow, "unseen")
    assert not unseen, "\n".join(unseen)
    for words in (".lk-tabs .lk-word, .lk-tabs .lk-count", ".lk-axis span"):
        assert look(narrow, "collisions", words) == []


@pytest.mark.parametrize("width", [400, 600, 800, 1000, 1200, 1900])
def test_the_job_has_room_in_its_row(narrow: Page, width: int) -> None:
    narrow.set_viewport_size({"width": width, "height": 5200})
    settle(narrow)
    box = narrow.locator("td.lk-job").first.bounding_box()
    assert box is not None
    assert box["width"] >= 120


def test_a_cut_is_seen(narrow: Page) -> None:
    plant = "foot => { foot.style.width = '30px'; foot.style.overflow = 'hidden' }"
    foot = narrow.locator(".lk-foot").first
    foot.evaluate(plant)
    assert any("is cut off" in complaint for complaint in look(narrow, "unseen"))
    foot.evaluate("foot => foot.removeAttribute('style')")


def boxes(board: Locator) -> list[Any]:
    """Where everything is whose place must not depend on numbers."""
    return board.locator(".lk-tabs button, th, .lk-foot, .lk-status").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.x, b.y, b.width, b.height])"
    )


def test_nothing_jumps_when_numbers_change(staged: Notebook, stage_redis: ThrowawayRedis) -> None:
    board = staged.cell(stage.cell("empty")).locator(".lk-board")
    expect(board.locator(".lk-empty")).to_be_visible()
    before = boxes(board)
    broker = LabBroker(url=stage_redis.url, namespace="nothing-here")
    broker.enqueue_many([Message("q" * 60, "a" * 90, ("x" * 200,), {}, {}) for _ in range(12_345)])
    expect(board.locator("[data-state=enqueued] .lk-count").first).to_have_text("12,345")
    assert boxes(board) == before
    board.get_by_role("tab", name="Enqueued").click()
    expect(board.locator(".lk-range")).to_have_text("1–3 of 12,345")
    assert boxes(board) == before
    Ledger(client=broker.client, namespace="nothing-here").clear()
    broker.client.close()
    board.get_by_role("tab", name="Recent").click()
    expect(board.locator(".lk-empty")).to_be_visible()


def test_nothing_moves_for_those_who_want_it_still(staged: Notebook) -> None:
    page = staged.page
    assert look(page, "animated") == 0
    page.emulate_media(reduced_motion="no-preference")
    wait_until(lambda: look(page, "animated"), 5, "the job that runs breathes")
    page.emulate_media(reduced_motion="reduce")
    wait_until(lambda: look(page, "animated") == 0, 5, "all is still again")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_hide_nothing(either: Notebook, scheme: Any) -> None:
    page = either.page
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    seen = look(page, "forced")
    page.emulate_media(forced_colors="none", color_scheme="light")
    assert seen["hidden"] == []
    assert seen["inks"] == [seen["ink"]], "text has the one colour that the system gives it"

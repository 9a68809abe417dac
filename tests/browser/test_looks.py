"""How the widgets look, as facts: what is cut off, what hangs over, what moves, what jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from tests.browser import stage
from tests.browser.looks import look
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from labkit.redis_server import ThrowawayRedis
    from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def narrow(staged: Notebook) -> Iterator[Page]:
    """The stage with a failed job opened; the window is as large as before when all is done."""
    board = stage.board_of(staged)
    board.locator(".lk-open", has_text="charge(42").click()
    expect(board.locator(".lk-attempts pre").last).to_be_visible()
    size = staged.page.viewport_size
    yield staged.page
    if size:
        staged.page.set_viewport_size(size)
    board.get_by_role("button", name="Close the job").click()


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
def test_forced_colours_hide_nothing(staged: Notebook, scheme: Any) -> None:
    page = staged.page
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    seen = look(page, "forced")
    page.emulate_media(forced_colors="none", color_scheme="light")
    assert seen["hidden"] == []
    assert seen["inks"] == [seen["ink"]], "text has the one colour that the system gives it"

"""Every widget held against axe-core, in light, dark and high contrast, in each of its states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import stage
from tests.browser.axe import complaints
from tests.browser.lab import THEMES

if TYPE_CHECKING:
    from tests.browser.lab import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(staged: Notebook, theme: str) -> None:
    page, board = staged.page, stage.board_of(staged)
    staged.set_theme(theme)
    found = complaints(page, where="all widgets")
    for tab in board.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(tab).not_to_have_attribute("aria-busy", "true")
        found += complaints(page, "#staged", where=f"tab {tab.text_content()}")
    board.get_by_role("tab", name="Dead").click()
    board.get_by_role("button", name="charge(42").click()
    expect(board.locator(".lk-opened pre").last).to_be_visible()
    found += complaints(page, "#staged", where="an opened job")
    board.get_by_role("button", name="Close the job").click()
    board.get_by_role("tab", name="Recent").click()

    quiz = staged.cell(stage.cell("quiz"))
    for place, right in ((0, "wrong"), (1, "right")):
        quiz.get_by_role("radio").nth(place).click()
        found += complaints(page, ".labkit-choices", where=f"a question answered {right}")
    form = staged.cell(stage.cell("form"))
    for title, words in ((" ", "must not be empty"), ("Buy milk", "created")):
        form.get_by_label("Title").fill(title)
        form.get_by_label("Title").press("Enter")
        expect(form.get_by_role("status")).to_contain_text(words)
        found += complaints(page, ".lk-task", where=f"a form that says: {words}")
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

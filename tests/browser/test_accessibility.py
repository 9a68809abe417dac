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
def test_axe_finds_nothing_with_all_widgets_on_one_page(staged: Notebook, theme: str) -> None:
    board, form = stage.board_of(staged), staged.cell(stage.cell("form"))
    question = staged.cell(stage.cell("quiz")).get_by_role("group").first
    staged.set_theme(theme)
    board.locator(".lk-open", has_text="charge(42").click()
    expect(board.locator(".lk-attempts pre").last).to_be_visible()
    found = []
    for title, words, choice in ((" ", "must not be empty", 0), ("Buy milk", "created", 1)):
        form.get_by_label("Title").fill(title)
        form.get_by_label("Title").press("Enter")
        expect(form.get_by_role("status")).to_contain_text(words)
        question.get_by_role("radio").nth(choice).click()
        found += complaints(staged.page, where=f"form: {words}, question: option {choice}:")
    board.get_by_role("button", name="Close the job").click()
    assert not found, "\n\n".join(found[:20])


def test_axe_finds_nothing_on_any_tab(staged: Notebook) -> None:
    board, found = stage.board_of(staged), []
    for tab in board.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(tab).not_to_have_attribute("aria-busy", "true")
        found += complaints(staged.page, "#staged", where=f"tab {tab.text_content()}:")
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

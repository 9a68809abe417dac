"""Predictions, quizzes and the search in a real JupyterLab: by mouse, by keyboard, and closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from labkit.course.rosetta import entries

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab, Notebook

pytestmark = pytest.mark.browser

CELLS = (
    "from labkit.course import predict, quiz, rosetta, settle",
    'predict("00.waiting")',
    'settle("00.waiting", "enqueued")',
    'quiz("00")',
    "import threading\nthreading.Event().wait(1)",
    "rosetta()",
)
PREDICT, SETTLE, QUIZ, BUSY, WORDS = 1, 2, 3, 4, 5
ALL = len(entries())


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Browser) -> Iterator[Notebook]:
    lab.write("course.ipynb", *CELLS)
    opened = lab.open(browser, "course.ipynb")
    yield opened
    opened.close()


@pytest.fixture
def notebook(page: Notebook) -> Notebook:
    # What an earlier test answered is settled first, so that it is asked for anew.
    for number in (0, SETTLE, PREDICT, QUIZ):
        page.run_cell(number)
        page.wait_for_run(number)
    expect(page.cell(PREDICT).locator(":checked")).to_have_count(0)
    return page


def test_choose_with_the_mouse_and_go_on_with_shift_enter(notebook: Notebook) -> None:
    options = notebook.cell(PREDICT).get_by_role("radio")
    options.nth(0).click()
    # The click has made the question's own cell the current one: the first Shift+Enter runs that.
    notebook.page.keyboard.press("Shift+Enter")
    expect(notebook.cell(PREDICT).get_by_role("radio").nth(0)).to_be_checked()
    notebook.page.keyboard.press("Shift+Enter")
    expect(notebook.cell(SETTLE)).to_contain_text("You predicted: It has run")
    expect(notebook.cell(PREDICT)).to_contain_text("✓ this happened")
    expect(notebook.cell(PREDICT)).to_contain_text("✗ you predicted this")
    expect(notebook.cell(PREDICT).get_by_role("radio").nth(0)).to_be_disabled()


def test_choose_with_the_keyboard_alone(notebook: Notebook) -> None:
    options = notebook.cell(PREDICT).get_by_role("radio")
    options.nth(0).focus()
    notebook.page.keyboard.press("Space")
    notebook.page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_be_checked()
    expect(options.nth(1)).to_be_focused()
    notebook.page.keyboard.press("Escape")
    expect(options.nth(1)).not_to_be_focused()
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Control+Enter")
    expect(notebook.cell(SETTLE)).to_contain_text("As you predicted: It waits in Redis.")


def test_the_last_choice_counts_also_when_the_kernel_was_busy(notebook: Notebook) -> None:
    notebook.run_cell(BUSY)
    for option in (0, 2, 1):
        notebook.cell(PREDICT).get_by_role("radio").nth(option).click()
    notebook.run_cell(SETTLE)
    expect(notebook.cell(SETTLE)).to_contain_text("As you predicted: It waits in Redis.")


def test_a_quiz_is_marked_at_once_and_may_be_answered_again(notebook: Notebook) -> None:
    question = notebook.cell(QUIZ).get_by_role("group").first
    question.get_by_role("radio").nth(0).click()
    expect(question.get_by_role("status")).to_contain_text("✗ Not quite.")
    question.get_by_role("radio").nth(1).click()
    expect(question.get_by_role("status")).to_contain_text("✓ Correct.")


def test_a_question_has_a_name_for_those_who_hear_it(notebook: Notebook) -> None:
    asked = notebook.cell(PREDICT)
    expect(asked.get_by_role("region", name="Predict")).to_be_visible()
    expect(asked.get_by_role("group", name="You send a job, and no worker runs.")).to_be_visible()
    expect(asked.get_by_role("radio", name="It waits in Redis")).to_be_visible()


def test_the_guides_words_are_found_with_the_keyboard_alone(notebook: Notebook) -> None:
    notebook.run_cell(WORDS)
    notebook.wait_for_run(WORDS)
    cell, keyboard = notebook.cell(WORDS), notebook.page.keyboard
    lines = cell.locator(".labkit-finder tbody tr:visible")
    expect(cell.get_by_role("status")).to_have_text(f"{ALL} of {ALL}")
    cell.get_by_role("searchbox", name="Search").focus()
    keyboard.type("Perform_IN minute")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("send_in")
    expect(cell.get_by_role("status")).to_have_text(f"1 of {ALL}")
    keyboard.press("Escape")
    expect(lines).to_have_count(ALL)
    keyboard.press("Tab")
    expect(cell.get_by_role("region", name="The lines that fit")).to_be_focused()
    keyboard.press("Shift+Tab")
    keyboard.press("Escape")
    expect(cell.get_by_role("searchbox")).not_to_be_focused()


def test_a_closed_notebook_shows_the_question_as_text(
    notebook: Notebook, lab: Lab, browser: Browser
) -> None:
    notebook.save()
    content = (lab.folder / "course.ipynb").read_text()
    (lab.folder / "reopened.ipynb").write_text(content)
    reopened = lab.open(browser, "reopened.ipynb")
    expect(reopened.cell(PREDICT).get_by_role("listitem").nth(1)).to_have_text("It waits in Redis")
    expect(reopened.cell(QUIZ).get_by_role("listitem")).to_have_count(18)
    assert "model not found" not in (reopened.page.text_content("body") or "").lower()
    reopened.close()

"""The questions in a real kernel: a live view, a static twin, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys

from labkit.course.choices import as_html, as_text
from labkit.course.show import WIDGET_VIEW
from tests.support_kernel import Kernel

ASKED = [("Which `one`?", ["this <b>", "that"])]


def test_text_and_html_have_the_same_options_and_mark_the_chosen_one() -> None:
    text, markup = as_text("Predict", ASKED, [1]), as_html("Predict", ASKED, [1])
    assert text.splitlines() == ["Predict: Which `one`?", "  ○ 1. this <b>", "  ● 2. that"]
    assert "<li>this &lt;b&gt;</li><li>that <strong>(chosen)</strong></li>" in markup


def test_several_questions_are_numbered() -> None:
    text = as_text("Quiz", ASKED * 2, [None, None])
    assert text.startswith("Quiz\n1. Which")
    assert "\n2. Which" in text


def test_a_kernel_shows_view_twin_and_text_in_one_output() -> None:
    with Kernel() as kernel:
        shown = kernel.run("from labkit.course import predict\npredict('00.waiting')")
        assert [set(output["data"]) for output in shown] == [
            {WIDGET_VIEW, "text/html", "text/plain"}
        ]


def test_a_choice_in_the_page_reaches_the_cell_that_settles_it() -> None:
    with Kernel() as kernel:
        kernel.run("from labkit.course import predict, settle\npredict('00.waiting')")
        kernel.run(
            "from labkit.course.prediction import _shown\n"
            "hear = _shown['00.waiting']._handle_custom_msg\n"
            "hear({'place': 0, 'option': 0}, [])\n"
            "for nonsense in ({'place': 0, 'option': 7}, {'place': 1, 'option': 0}, {}, 3):\n"
            "    hear(nonsense, [])"
        )
        [told] = kernel.run("settle('00.waiting', 'enqueued')")
        assert told["data"]["text/plain"].startswith("It went otherwise: It waits in Redis.")


def test_running_the_cell_fifty_times_keeps_one_widget() -> None:
    with Kernel() as kernel:
        kernel.run("from labkit.course import predict\npredict('00.waiting')")
        count = "from ipywidgets.widgets.widget import _instances\nlen(_instances)"
        [before] = kernel.run(count)
        kernel.run("for _ in range(50): predict('00.waiting')")
        [after] = kernel.run(count)
        assert before["data"]["text/plain"] == after["data"]["text/plain"]


def test_the_course_is_imported_without_jupyter() -> None:
    code = "import sys, labkit.course, labkit.course.lab; print('anywidget' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"

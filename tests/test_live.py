"""A widget's view: what travels, and what a page does that missed some of it."""

from __future__ import annotations

import gc
import threading
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

from labkit import widgets
from labkit.widgets.live import LiveWidget, difference, front_end, writing
from tests.support_widgets import FakePage, merge


class Counter(LiveWidget):
    """The smallest one: a page may count it up."""

    _esm = "export default {}"

    def hear(self, message: dict[str, Any]) -> None:
        if message.get("kind") == "up":
            self.update(count=self._whole["count"] + 1, answered=self.answers())


@pytest.fixture
def counter() -> Any:
    widget = Counter({"count": 0, "same": {"a": 1, "b": 2}, "answered": {}})
    yield widget
    widget.close()


values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
views = st.dictionaries(st.text(max_size=2), values, max_size=5)


def test_the_collector_waits_for_no_lock_in_whatever_thread_it_comes() -> None:
    """A thread that starts may collect; who starts it may hold the lock, and waits for it."""
    widget = Counter({"answered": {}})
    widget.close()
    widget.itself = widget  # only the collector can end it
    del widget
    collects = threading.Thread(target=gc.collect, daemon=True)
    with writing:
        collects.start()
        collects.join(10)
        assert not collects.is_alive()


@given(views, views)
def test_a_difference_leads_from_one_view_to_the_other(old: Any, new: Any) -> None:
    assert merge(old, difference(old, new)) == new
    assert (difference(old, new) == {}) == (old == new)


def test_only_what_has_changed_travels(counter: Counter) -> None:
    page = FakePage(counter)
    counter.update(same={"a": 1, "b": 3})
    assert page.news == [{"revision": 1, "base": 0, "patch": {"same": {"b": 3}}}]
    counter.update(same={"a": 1, "b": 3})
    assert len(page.news) == 1, "no change, no message"


def test_the_clock_travels_with_others_only(counter: Counter) -> None:
    page = FakePage(counter)
    assert counter.update(clock=5) == 0
    assert counter.update(clock=6, count=1) > 0
    assert page.view["clock"] == 6


def test_a_page_that_missed_a_change_gets_the_whole(counter: Counter) -> None:
    page = FakePage(counter)
    page.revision = -7  # as if it had not seen what came before
    counter.update(count=4)
    assert page.news[-1]["whole"]["count"] == 4
    assert page.view["count"] == 4
    counter.update(count=5)
    assert "patch" in page.news[-1]
    assert page.view["count"] == 5


def test_a_page_that_opens_later_gets_the_whole(counter: Counter) -> None:
    counter.update(count=9)
    assert FakePage(counter).view == {"count": 9, "same": {"a": 1, "b": 2}, "answered": {}}


def test_wishes_are_answered_by_page_and_number(counter: Counter) -> None:
    one, two = FakePage(counter, "one"), FakePage(counter, "two")
    one.ask(kind="up")
    two.ask(kind="up")
    one.ask(kind="up")
    assert one.view["answered"] == two.view["answered"] == {"one": 2, "two": 1}
    assert one.view["count"] == 3
    for number in range(40):
        FakePage(counter, f"more{number}").ask(kind="up")
    assert len(counter.answers()) == 16


@pytest.mark.parametrize(
    "message",
    [None, 7, "up", [], {}, {"kind": 3}, {"ask": 3}, {"ask": [1, 2]}, {"ask": ["x" * 99, 1]}],
)
def test_a_message_that_makes_no_sense_changes_nothing(counter: Counter, message: Any) -> None:
    counter._handle_custom_msg(message, [])
    assert counter.view["revision"] == 0
    assert counter.answers() == {}


def test_closing_leaves_no_model_and_may_be_repeated() -> None:
    before = set(_instances)
    widget = Counter({"count": 0})
    assert len(set(_instances) - before) == 2, "the widget and its layout"
    widget.close()
    widget.close()
    assert set(_instances) == before
    assert widget.update(count=1) == 0
    widget._handle_custom_msg({"kind": "up"}, [])


def test_the_stored_form_is_text_that_stays_the_same(counter: Counter) -> None:
    bundle: Any = counter._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == "Counter()"
    assert "text/html" in data
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.parametrize("name", widgets.__all__)
def test_the_front_ends_are_small_and_fetch_nothing(name: str) -> None:
    widget = getattr(widgets, name)
    for source in (widget._esm, widget._css, getattr(widget, "_ACTIONS", "")):
        text = str(source).replace("http://www.w3.org/2000/svg", "")
        assert len(text.encode()) < 40_000
        for forbidden in ("http:", "https:", "import ", "innerHTML", "eval(", "@import", "url("):
            assert forbidden not in text, forbidden


def test_each_file_of_a_front_end_is_small() -> None:
    sent = [file for file in files("labkit.widgets").iterdir() if file.name.endswith(".js")]
    assert len(sent) > 10
    assert max(len(file.read_bytes()) for file in sent) < 40_000


def test_comments_stay_behind_and_every_line_of_code_goes() -> None:
    source = (files("labkit.widgets") / "board.js").read_text()
    sent = front_end("board.js")
    assert "\n//" in source
    assert "\n//" not in sent
    code = [line.strip() for line in source.splitlines() if not line.strip().startswith("//")]
    assert sent.splitlines() == [line for line in code if line and not line.startswith("/**")]

"""What is shown: the same words in text and in HTML, nothing unescaped."""

from __future__ import annotations

import html
import re

import pytest

from labkit.course.show import Tone, card, in_notebook, inline, say, sentence, source, table

PAYLOAD = '<script>alert(1)</script> & "quotes" `<b>`'


def words(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("markup", [inline(PAYLOAD), card(Tone.RIGHT, PAYLOAD), source(PAYLOAD)])
def test_markup_in_a_text_stays_text(markup: str) -> None:
    assert "<script" not in markup
    assert "<b>" not in markup
    assert words(markup).strip(" ✓").replace("`", "") == PAYLOAD.replace("`", "")


def test_backticks_become_code() -> None:
    assert re.fullmatch(r"call <code [^>]*>send\(1\)</code> now", inline("call `send(1)` now"))


def test_a_card_says_what_the_text_says() -> None:
    markup = card(Tone.WRONG, "Not yet: look again.", ["Once more.", "And `again`."])
    assert words(markup) == "✗ Not yet: look again.Once more.And again."
    assert "<strong>✗ Not yet:</strong>" in markup


def test_a_card_has_no_style_that_an_untrusted_notebook_loses_whole() -> None:
    markup = card(Tone.PLAIN, "Hint")
    assert "<style" not in markup
    # Every themed colour has a plain value of the same property in front of it.
    themed = re.findall(r"([\w-]+):var\(", markup)
    assert themed
    for name in themed:
        assert re.search(rf"{name.removesuffix('-color')}:(none|[^;]*#[0-9a-f]{{6}});", markup)


def test_outside_a_notebook_the_text_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    say(Tone.PLAIN, "Head: line", "", "below")
    assert capsys.readouterr().out == "Head: line\nbelow\n"


def test_a_table_links_what_it_is_told_to() -> None:
    markup = table(["Chapter"], [["Start"], ["<x>"]], {"Start": "00_start_here.ipynb"})
    assert '<a href="00_start_here.ipynb">Start</a>' in markup
    assert "&lt;x&gt;" in markup


@pytest.mark.parametrize(
    ("text", "ended"), [("so", "so."), ("so.", "so."), ("why?", "why?"), ("…", "…")]
)
def test_a_sentence_ends_once(text: str, ended: str) -> None:
    assert sentence(text) == ended

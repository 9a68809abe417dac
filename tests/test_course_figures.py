"""Figures: a PNG and the words for it, in a real kernel."""

from __future__ import annotations

import base64
import struct

import pytest

from labkit.course.figures import bars, timeline
from tests.support_kernel import outputs_of


def test_bars_and_timeline_are_png_with_words() -> None:
    drawn = outputs_of(
        "from labkit.course.figures import bars, timeline\n"
        "bars({'a': 1.5, 'b': 2000}, title='T', unit='jobs/s', alt='b is longer than a.')\n"
        "timeline({'w1': [(0, 1, 'e-mail')]}, title='T', alt='One <job>.')"
    )
    pictures = [output for output in drawn if "image/png" in output.get("data", {})]
    assert [picture["data"]["text/plain"] for picture in pictures] == [
        "b is longer than a.",
        "One <job>.",
    ]
    for picture in pictures:
        png = base64.b64decode(picture["data"]["image/png"])
        assert png.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", png[16:24])
        assert width > height > 100
        assert picture["metadata"]["image/png"]["alt"]
    words = [output["data"]["text/html"] for output in drawn if "text/html" in output["data"]]
    assert "b is longer than a." in words[0]
    assert "One &lt;job&gt;." in words[1]


def test_outside_a_notebook_the_words_stand_for_the_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bars({"a": 1}, title="T", unit="s", alt="One bar.")
    timeline({"w": []}, title="T", alt="Nothing ran.")
    assert capsys.readouterr().out == "One bar.\nNothing ran.\n"

"""What a notebook holds once it is stored."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.notebook_hook import STATE, VIEW, pre_save, strip

VIEW_DATA = {"model_id": "abc", "version_major": 2, "version_minor": 0}


def displayed(data: dict[str, Any]) -> Any:
    return new_output("display_data", data=data)


@pytest.fixture
def notebook() -> Any:
    outputs = [
        displayed({VIEW: VIEW_DATA, "text/html": "<p>twin</p>", "text/plain": "JobBoard()"}),
        displayed({VIEW: VIEW_DATA}),
        displayed({"image/png": "aGk=", "text/plain": "<Figure>"}),
        new_output("stream", text="printed"),
    ]
    cells = [new_markdown_cell("# Title"), new_code_cell("board", outputs=outputs)]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "widgets": {STATE: {"state": {"abc": {"args": "hunter2"}}}},
    }
    return new_notebook(cells=cells, metadata=metadata)


def test_views_and_states_go_and_all_else_stays(notebook: Any) -> None:
    before = copy.deepcopy(notebook)
    stripped = strip(notebook)
    assert notebook == before, "the one given stays as it is"
    text = nbformat.writes(stripped)
    assert "widget" not in text
    assert "hunter2" not in text
    first, figure, stream = stripped["cells"][1]["outputs"]
    assert first["data"] == {"text/html": "<p>twin</p>", "text/plain": "JobBoard()"}
    assert figure == before["cells"][1]["outputs"][2]
    assert stream["text"] == "printed"
    assert stripped["metadata"] == {"kernelspec": before["metadata"]["kernelspec"]}
    nbformat.validate(stripped)


def test_stripping_twice_is_stripping_once(notebook: Any) -> None:
    assert strip(strip(notebook)) == strip(notebook)


def test_a_plain_dict_stays_one(notebook: Any) -> None:
    stripped = strip({"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"widgets": {}}})
    assert stripped == {"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {}}


def test_before_a_save_only_notebooks_are_touched(notebook: Any) -> None:
    model: dict[str, Any] = {"type": "notebook", "content": notebook}
    pre_save(model, path="a.ipynb", contents_manager=None)
    assert "widgets" not in model["content"]["metadata"]
    for other in (
        {"type": "file", "content": "text"},
        {"type": "directory", "content": [notebook]},
        {"type": "notebook", "content": None},
        {"type": "notebook"},
    ):
        untouched = copy.deepcopy(other)
        pre_save(other, path="a", contents_manager=None)
        assert other == untouched

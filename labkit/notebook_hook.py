"""What a stored notebook may hold: a widget's static twin, never the widget's view or its state.

A widget's view shows as "model not found" once its kernel is gone, trusted or not, even with HTML
beside it; and a widget's state would store every job's arguments. ``pre_save`` is for Jupyter's
``ContentsManager.pre_save_hook``: what is saved is stripped, what is on the page stays as it is.
"""

from __future__ import annotations

from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def pre_save(model: dict[str, Any], **_: Any) -> None:
    """Strip a notebook that is about to be saved; other files stay as they are."""
    content = model.get("content")
    if model.get("type") == "notebook" and isinstance(content, dict):
        model["content"] = strip(content)


def strip(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook (format 4) without widget views and widget state; the one given stays as it is.

    An output that was nothing but a view goes away whole.
    """
    metadata = {
        key: value for key, value in notebook.get("metadata", {}).items() if key != "widgets"
    }
    cells = [_strip_cell(cell) for cell in notebook.get("cells", [])]
    return type(notebook)({**notebook, "metadata": metadata, "cells": cells})


def _strip_cell(cell: dict[str, Any]) -> dict[str, Any]:
    outputs = cell.get("outputs")
    if not outputs:
        return cell
    stripped = [_strip_output(output) for output in outputs]
    return type(cell)({**cell, "outputs": [output for output in stripped if output is not None]})


def _strip_output(output: dict[str, Any]) -> dict[str, Any] | None:
    data = output.get("data")
    if not isinstance(data, dict) or not {VIEW, STATE} & data.keys():
        return output
    kept = {kind: value for kind, value in data.items() if kind not in (VIEW, STATE)}
    if not kept:
        return None
    return type(output)({**output, "data": type(data)(kept)})

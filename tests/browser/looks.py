"""Questions about how a page looks, which looks.js answers in the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_QUESTIONS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8").strip()


def look(page: Page, question: str, *about: str) -> Any:
    """What looks.js answers on this page."""
    return page.evaluate(f"(about) => {_QUESTIONS}.{question}(...about)", list(about))

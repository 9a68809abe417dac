"""axe-core on a page: the rules of WCAG, and of good practice, that a program can check."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_CHECK = """
async (selector) => {
  const { violations } = await axe.run({ include: [[selector]] }, { resultTypes: ["violations"] });
  return violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`));
}
"""


def complaints(page: Page, selector: str = ".labkit", where: str = "") -> list[str]:
    """What axe-core finds wrong within these elements; each begins with ``where`` and the rule."""
    if not page.evaluate("Boolean(window.axe)"):
        # JupyterLab's body hides what hangs over and has no height, so axe takes all for invisible,
        # and would look at no colour.
        page.add_style_tag(content="html, body { height: 100% }")
        source = files("axe_playwright_python").joinpath("axe.min.js")
        page.evaluate(source.read_text(encoding="utf-8"))
    found: list[Any] = page.evaluate(_CHECK, selector)
    return [f"{where} {complaint}".strip() for complaint in found]

"""What axe, the engine for accessibility tests, finds wrong with a page: WCAG 2.2, A and AA."""

from playwright.sync_api import Page

from local import javascript

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: The rules that colours can break, and the room there is.
BY_COLOR = ["color-contrast", "link-in-text-block"]
BY_COLOR_AND_WIDTH = [*BY_COLOR, "target-size", "scrollable-region-focusable"]
_FAULTS = """async (rules) => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  return found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`);
}"""


def faults(page: Page, rules: list[str] | None = None) -> list[str]:
    """Return what is wrong with the page as it is shown, each with an example; of some rules."""
    javascript.install()
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate((javascript.MODULES / "axe-core" / "axe.min.js").read_text())
    return list(page.evaluate(_FAULTS, rules or _TAGS))

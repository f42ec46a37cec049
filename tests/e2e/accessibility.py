"""What axe, the engine for accessibility tests, finds wrong with a page: WCAG 2.2, A and AA."""

from playwright.sync_api import Page

from local import javascript

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_FAULTS = """async (rules) => {
  const found = await axe.run(document, {runOnly: rules});
  return found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`);
}"""


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page as it is shown, each with an example."""
    javascript.install()
    page.evaluate((javascript.MODULES / "axe-core" / "axe.min.js").read_text())
    return list(page.evaluate(_FAULTS, _RULES))

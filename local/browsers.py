"""The Chromium of this machine: nothing fetches one."""

import shutil

#: What to say where there is none.
MISSING = "This needs a browser: install Chromium, on Debian the package chromium."
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Return the path of Chromium or of what is built from it; None without one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)

"""A browser that speaks to the handler without a network: it keeps the cookie."""

import base64
import gzip
from copy import deepcopy
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.harness import handler, sample

HOST = "api.example.com"


class Page(NamedTuple):
    """What the dashboard answered."""

    status: int
    headers: dict[str, str]
    text: str
    address: str


class Browser:
    """Somebody's browser, signed in or not."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}
        #: As they were sent, with their attributes.
        self.set: list[str] = []
        #: The network address that requests come from.
        self.address = "192.0.2.1"

    def get(self, address: str, **headers: str) -> Page:
        return self._asked("GET", address, None, headers)

    def post(self, address: str, fields: dict[str, str], **headers: str) -> Page:
        ours = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
        return self._asked("POST", address, urlencode(fields), ours | headers)

    def follow(self, page: Page) -> Page:
        """Go where a redirection leads."""
        assert page.status == 303
        return self.get(page.headers["location"])

    def _asked(self, method: str, address: str, body: str | None, headers: dict[str, str]) -> Page:
        event = deepcopy(sample("dashboard/app"))
        path, _, query = address.partition("?")
        event |= {"rawPath": path, "rawQueryString": query}
        event["requestContext"]["http"] |= {
            "method": method,
            "path": path,
            "sourceIp": self.address,
        }
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            event |= {"body": body, "isBase64Encoded": False}
        answered: dict[str, Any] = handler("dashboard.app")(event, None)
        self._keep(answered.get("cookies", []))
        shown = {name.lower(): value for name, value in answered["headers"].items()}
        return Page(answered["statusCode"], shown, _text(answered, shown), address)

    def _keep(self, cookies: list[str]) -> None:
        self.set += cookies
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def _text(answered: dict[str, Any], headers: dict[str, str]) -> str:
    if not answered.get("isBase64Encoded"):
        return str(answered["body"])
    raw = base64.b64decode(answered["body"])
    return (gzip.decompress(raw) if headers.get("content-encoding") == "gzip" else raw).decode()

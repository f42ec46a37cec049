"""What holds on every page of the dashboard: headers, sign-in, where forms come from, files."""

import hashlib
import re

import pytest

from dashboard.frame.asset_files import address
from local import javascript
from orchard.domain.users import Role
from orchard.store.table import Table
from orchard.usecases import user_links
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import PASSWORD, Sign
from tests.harness import ROOT

VENDOR = ROOT / "functions" / "dashboard" / "assets" / "vendor"
PACKAGED = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "chartjs-plugin-annotation.min.js": (
        "chartjs-plugin-annotation/dist/chartjs-plugin-annotation.min.js"
    ),
}


def assert_safe(page: Page) -> None:
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    if page.status != 200 or page.headers["content-type"].startswith("text/html"):
        assert page.headers["cache-control"] == "no-store"


def test_every_answer_has_the_headers_that_keep_it_safe(browser: Browser, signed: Sign) -> None:
    owner = signed(Role.OWNER)
    answers = [
        browser.get("/dashboard"),
        browser.get("/dashboard/sign-in"),
        browser.get("/dashboard/invitation?token=org.x"),
        browser.get("/dashboard/nothing"),
        browser.get("/dashboard/customers", hx_request="true"),
        browser.post("/dashboard/sign-in", {}, origin="https://evil.example"),
        browser.get(address("tabler.min.css")),
        owner.get("/dashboard/customers"),
        owner.get("/dashboard/customers?cursor=x"),
        owner.post("/dashboard/environment", {"environment": "moon"}),
        owner.post("/dashboard/environment", {"environment": "live"}),
    ]

    assert [page.status for page in answers] == [
        303,
        200,
        404,
        404,
        401,
        403,
        200,
        200,
        400,
        400,
        303,
    ]
    for page in answers:
        assert_safe(page)
        assert "<style" not in page.text
        assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=", page.text)


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(browser: Browser, signed: Sign) -> None:
    signed(Role.VIEWER)
    sent = browser.get("/dashboard/customers?q=ada&status=active")
    asked = browser.follow(sent)
    wrong = browser.post("/dashboard/sign-in", {"email": "viewer@example.com", "password": "no"})
    back = {"next": "/dashboard/customers?q=ada&status=active"}
    done = browser.post(
        "/dashboard/sign-in", {"email": "viewer@example.com", "password": PASSWORD, **back}
    )

    assert 'value="/dashboard/customers?q=ada&amp;status=active"' in asked.text
    assert (wrong.status, 'value="viewer@example.com"' in wrong.text) == (401, True)
    assert done.headers["location"] == back["next"]
    (cookie,) = browser.set
    assert cookie.startswith("__Host-orchard=")
    assert all(f"; {part}" in cookie for part in ("Path=/", "HttpOnly", "Secure", "SameSite=Lax"))
    assert browser.follow(done).status == 200
    assert browser.get("/dashboard/sign-in").status == 303


def test_a_part_of_a_page_leads_to_sign_in_too(browser: Browser) -> None:
    answer = browser.get("/dashboard/customers?q=a", hx_request="true")

    assert answer.status == 401
    assert (
        answer.headers["hx-redirect"] == "/dashboard/sign-in?next=%2Fdashboard%2Fcustomers%3Fq%3Da"
    )


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/dashboard/\r\nx"]
)
def test_sign_in_leads_to_pages_of_ours_only(
    browser: Browser, signed: Sign, elsewhere: str
) -> None:
    signed(Role.OWNER)
    asked = {"email": "owner@example.com", "password": PASSWORD, "next": elsewhere}

    assert browser.post("/dashboard/sign-in", asked).headers["location"] == "/dashboard/customers"


def test_the_cookie_is_read_from_the_header_too(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    header = "; ".join(["other=1", *(f"{name}={value}" for name, value in owner.cookies.items())])
    owner.cookies.clear()

    assert owner.get("/dashboard/customers", cookie=header).status == 200


def test_a_session_that_was_ended_opens_nothing_any_more(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    kept = dict(owner.cookies)

    left = owner.post("/dashboard/sign-out", {})

    assert left.headers["location"] == "/dashboard/sign-in"
    assert owner.cookies == {}
    owner.cookies = kept
    assert owner.get("/dashboard/customers").status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "https://api.example.com", "sec_fetch_site": "same-site"},
    ],
)
def test_forms_of_other_sites_change_nothing(
    signed: Sign, call: Call, headers: dict[str, str]
) -> None:
    owner = signed(Role.OWNER)

    answer = owner.post("/dashboard/customers", {"customer_id": "ada"}, **headers)

    assert answer.status == 403
    assert call("customers.list").body["list"] == []


def test_an_invitation_lets_somebody_in_once(browser: Browser, table: Table, clock: Clock) -> None:
    token = user_links.make(table, "org", "ada@example.com", Role.SUPPORT, by="t", now=clock.now)
    link = f"/dashboard/invitation?token={token}"
    fields = {"token": token, "name": "Ada", "password": PASSWORD, "again": PASSWORD}

    shown = browser.get(link)
    short = browser.post("/dashboard/invitation", fields | {"password": "short", "again": "short"})
    differ = browser.post("/dashboard/invitation", fields | {"again": "other"})
    done = browser.post("/dashboard/invitation", fields)
    again = browser.post("/dashboard/invitation", fields)

    assert "ada@example.com" in shown.text
    assert [short.status, differ.status, done.status, again.status] == [422, 422, 303, 404]
    assert 'value="Ada"' in short.text
    assert "Support" in browser.follow(done).text
    assert browser.get(link).status == 404


def test_the_environment_is_chosen_for_the_session(signed: Sign, call: Call) -> None:
    owner = signed(Role.OWNER)
    call("customers.get_or_create", {"customer_id": "ada"})

    sent = owner.post(
        "/dashboard/environment",
        {"environment": "live", "back": "/dashboard/customers?cursor=of-the-sandbox"},
    )
    live = owner.follow(sent)

    assert sent.headers["location"] == "/dashboard/customers"
    assert "No customers in live yet" in live.text
    owner.post("/dashboard/environment", {"environment": "sandbox"})
    assert "ada" in owner.get("/dashboard/customers").text


def test_files_are_kept_for_ever_and_sent_small(browser: Browser) -> None:
    style = address("tabler.min.css")
    file = browser.get(style)
    plain = browser.get(style, accept_encoding="identity")

    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-encoding"] == "gzip"
    assert file.headers["content-type"] == "text/css; charset=utf-8"
    assert "content-encoding" not in plain.headers
    assert plain.text == file.text
    assert hashlib.sha256(file.text.encode()).hexdigest().startswith(style.split("/")[3])
    assert browser.get(style.replace("assets/", "assets/0")).status == 404
    assert browser.get("/dashboard/assets/0/..%2Fapp.py").status == 404


def test_vendored_files_are_those_of_the_locked_packages() -> None:
    javascript.install()
    found = {path.name for path in VENDOR.iterdir() if path.suffix in {".css", ".js"}}

    assert found == set(PACKAGED)
    for name, packaged in PACKAGED.items():
        assert (VENDOR / name).read_bytes() == (javascript.MODULES / packaged).read_bytes()

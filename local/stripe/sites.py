"""The pages that people visit: which address shows what, and what their buttons do."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from local.stripe import checkout_page, checkout_paying, pages, portal, portal_page
from local.stripe.account import Document
from local.stripe.answers import Answer, Request, page_answer
from local.stripe.checkout import OPEN, expire_due
from local.stripe.failures import Refused
from local.stripe.invoices import Ledger, shown
from local.stripe.shop import Shop

type Site = Callable[[Shop, Request, str], Answer]

_INVOICE, _CHECKOUT, _PORTAL = "/i/", "/c/pay/", "/p/session/"
_QUANTITY = "quantity_"


def site_of(path: str) -> tuple[Site, str] | None:
    """Return what serves a page, and the rest of its path; None for any other path."""
    for prefix, site in _SITES.items():
        if path.startswith(prefix):
            return site, path.removeprefix(prefix)
    return None


def _invoice(shop: Shop, request: Request, rest: str) -> Answer:
    token, _, what = rest.partition("/")
    with shop.account.change():
        kept = _addressed(shop, token)
        if (request.method, what) == ("POST", "pay"):
            Ledger(shop.account, shop.outbox, shop.base).pay(kept["id"])
            return _to(f"{_INVOICE}{token}")
        view = shown(kept, shop.base)
    if what == "pdf":
        name = f'inline; filename="Invoice-{view["number"]}.pdf"'
        headers = {"content-type": "application/pdf", "content-disposition": name}
        return Answer(200, pages.pdf(view, kept["lines"]), headers)
    return page_answer(200, pages.hosted(view, kept["lines"], f"{_INVOICE}{token}"))


def _addressed(shop: Shop, token: str) -> Document:
    for kept in shop.account.objects("invoice").values():
        if kept["token"] == token and kept["number"] is not None:
            return kept
    raise Refused("There is no such invoice.", status=404)


def _checkout(shop: Shop, request: Request, session_id: str) -> Answer:
    with shop.account.change():
        expire_due(shop)
        session = shop.account.get("checkout.session", session_id)
        if session["status"] != OPEN:
            return page_answer(200, checkout_page.over(session))
        if request.method != "POST":
            return page_answer(200, checkout_page.hosted(shop.account, session, {}))
        filled = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        try:
            return _pressed(shop, session, filled)
        except Refused as refused:
            # What was done so far is taken back: the session is another object now.
            session = shop.account.get("checkout.session", session_id)
            if refused.error.get("code") == checkout_paying.AUTHENTICATION:
                return page_answer(200, checkout_page.secure(session, filled))
            page = checkout_page.hosted(shop.account, session, filled, str(refused))
            return page_answer(refused.status, page)


def _pressed(shop: Shop, session: Document, filled: Document) -> Answer:
    """Do what a button of the page says."""
    button = filled.get("do", "update")
    if button == "refuse":
        message = "The payment was not confirmed. Choose another card."
        return page_answer(402, checkout_page.hosted(shop.account, session, filled, message))
    if button != "confirm":
        word = "" if button == "remove" else filled.get("promotion_code", "").strip() or None
        checkout_paying.revise(shop, session["id"], _quantities(filled), word)
    if button not in {"pay", "confirm"}:
        return _to(f"{_CHECKOUT}{session['id']}")
    payment = checkout_paying.Payment(
        card=filled.get("card") or "pm_card_visa",
        email=filled.get("email") or None,
        name=filled.get("name") or None,
        authenticated=button == "confirm",
    )
    paid = checkout_paying.pay(shop, session["id"], payment)
    return _to(paid["success_url"].replace("{CHECKOUT_SESSION_ID}", paid["id"]))


def _portal(shop: Shop, request: Request, session_id: str) -> Answer:
    with shop.account.change():
        session = shop.account.get("billing_portal.session", session_id)
        if request.method != "POST":
            return page_answer(200, portal_page.hosted(shop, session))
        filled = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        try:
            portal.press(shop, session, filled.get("do", ""), filled.get("chosen", ""))
        except Refused as refused:
            session = shop.account.get("billing_portal.session", session_id)
            page = portal_page.hosted(shop, session, str(refused))
            return page_answer(refused.status, page)
    return _to(f"{_PORTAL}{session_id}")


def _quantities(filled: Document) -> dict[str, int]:
    given = {
        name.removeprefix(_QUANTITY): value
        for name, value in filled.items()
        if name.startswith(_QUANTITY)
    }
    for value in given.values():
        if not (value.isascii() and value.isdecimal()):
            raise Refused(f"This is no quantity: {value}", param="quantities")
    return {line_id: int(value) for line_id, value in given.items()}


def _to(address: str) -> Answer:
    return Answer(303, b"", {"location": address})


_SITES: dict[str, Site] = {_INVOICE: _invoice, _CHECKOUT: _checkout, _PORTAL: _portal}

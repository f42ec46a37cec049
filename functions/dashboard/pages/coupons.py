"""GET and POST /dashboard/customers/{id}/coupons/add and .../coupons/{coupon}/remove"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.billing import generosity
from dashboard.customer import reading as customer_reading
from dashboard.customer import rewards as customer_rewards
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, visit
from dashboard.performing import performed
from orchard.contracts.coupons import AddCouponRequest, RemoveCouponRequest
from orchard.contracts.request import parse
from orchard.domain.users import Act
from orchard.errors import NotFound, OrchardError
from orchard.store.session import Session
from orchard.triggers import http
from orchard.usecases import coupon_previews, coupons

type View = Mapping[str, Any]

router = Pages()


@router.get(f"{HOME}/<customer_id>/coupons/add")
def choose(customer_id: str) -> Response[str]:
    """Show the rewards there are."""
    return _Payer.of(visit(router), customer_id).form(customer_rewards.first())


@router.post(f"{HOME}/<customer_id>/coupons/add")
def add(customer_id: str) -> Response[str]:
    """Tell what a coupon would do, or add it."""
    payer = _Payer.of(visit(router), customer_id)
    fields = form(payer.visitor.event)
    values = forms.typed(fields, (*customer_rewards.FIELDS, "key"))
    is_tried = fields.get("step") == "preview"
    try:
        asked = payer.permitted(values)
        if is_tried:
            return payer.form(values, preview=payer.preview(asked))
        return payer.added(values, asked)
    except OrchardError as refused:
        wrong = forms.wrong(refused, customer_rewards.FIELDS)
        preview = {"wrong": wrong.message} if is_tried else None
        return payer.form(values, wrong, http.status_of(refused), preview=preview)


@router.get(f"{HOME}/<customer_id>/coupons/<coupon_id>/remove")
def ask(customer_id: str, coupon_id: str) -> Response[str]:
    """Show what becomes of the next invoices without a coupon."""
    return _Payer.of(visit(router), customer_id).confirmation(unquote(coupon_id))


@router.post(f"{HOME}/<customer_id>/coupons/<coupon_id>/remove")
def remove(customer_id: str, coupon_id: str) -> Response[str]:
    """Take a coupon from the customer; that it is gone already is fine."""
    payer = _Payer.of(visit(router), customer_id)
    fields = form(payer.visitor.event)
    causes = forms.typed(fields, ("reason", "reference"))
    try:
        request = payer.removal(unquote(coupon_id), causes)
        gone = coupons.remove(payer.visitor.session, request)
    except OrchardError as refused:
        wrong = forms.wrong(refused, tuple(causes))
        return payer.confirmation(unquote(coupon_id), causes, wrong, http.status_of(refused))
    text = "The coupon was removed." if gone["removed"] else "The coupon was gone already."
    return payer.visitor.done(payer.place.address, text)


class _Payer(NamedTuple):
    """A customer whose coupons somebody changes."""

    visitor: Visit
    place: Place
    customer: View

    @classmethod
    def of(cls, visitor: Visit, customer_id: str) -> "_Payer":
        """Errors: `Forbidden`, `CustomerNotFound`."""
        visitor.current.user.must(Act.BILL)
        place = Place(unquote(customer_id), "rewards")
        return cls(visitor, place, customer_reading.found(visitor, place))

    def permitted(self, values: View) -> dict[str, Any]:
        """The body of `coupons.add` for what was chosen. Errors: `Forbidden`, `InvalidInputs`."""
        visitor = self.visitor
        asked = customer_rewards.body(visitor, self.place.customer_id, values)
        request = customer_rewards.request(asked)
        generosity.reward_must_be_permitted(visitor.session, request, visitor.current.user)
        return asked

    def preview(self, asked: View) -> dict[str, Any]:
        """What adding would do, in words. Errors: those of `coupons.add`."""
        request = customer_rewards.request(asked)
        return customer_rewards.added_in_words(self._foreseen(request), asked)

    def _foreseen(self, request: AddCouponRequest) -> dict[str, Any]:
        """What adding would do. Errors: those of `coupons.add`; `Forbidden` for a gift."""
        told = coupon_previews.adding(self.visitor.session, request)
        if self._is_bound:
            generosity.invoices_must_stay(told["before"], told["after"])
        return told

    @property
    def _is_bound(self) -> bool:
        """Whether somebody may not give everything away."""
        return not self.visitor.current.user.may(Act.APPROVE)

    def added(self, values: View, asked: View) -> Response[str]:
        """Add it. Errors: those of `coupons.add`."""
        request = customer_rewards.request(asked)
        coupon = f"{self.place.page}/coupons/{quote(request.coupon_id, safe='')}"
        undo = "" if request.promo_code else f"{coupon}/remove"
        try:
            performed(self.visitor, values, partial(self._add, request))
        except OrchardError:
            if self.visitor.made(values["key"]) is None:
                raise
        text = "The features were granted." if request.promo_code else "The coupon was added."
        return self.visitor.done(self.place.address, text, undo)

    def _add(self, request: AddCouponRequest, session: Session) -> dict[str, Any]:
        if self._is_bound:
            self._foreseen(request)
        return coupons.add(session, request)

    def removal(self, coupon_id: str, causes: View) -> RemoveCouponRequest:
        """The API's request. Errors: `InvalidInputs`."""
        return parse(RemoveCouponRequest, self._asked(coupon_id, causes))

    def form(
        self, values: View, wrong: Wrong = RIGHT, status: int = 200, preview: View | None = None
    ) -> Response[str]:
        return self._page(
            "customer/add_coupon.html",
            status,
            address=f"{self.place.page}/coupons/add",
            choices=customer_rewards.choices(self.visitor),
            values=values,
            wrong=wrong,
            preview=preview,
        )

    def confirmation(
        self, coupon_id: str, causes: View | None = None, wrong: Wrong = RIGHT, status: int = 200
    ) -> Response[str]:
        asked = self._asked(coupon_id, causes or {})
        request = parse(
            RemoveCouponRequest, {"customer_id": self.place.customer_id, "coupon_id": coupon_id}
        )
        told = coupon_previews.removing(self.visitor.session, request)
        if not told["removed"] and not wrong.message:
            raise NotFound("This customer has no such coupon")
        return self._page(
            "customer/remove_coupon.html",
            status,
            address=f"{self.place.page}/coupons/{quote(coupon_id, safe='')}/remove",
            coupon=coupon_id,
            told=customer_rewards.removed_in_words(told, asked),
            values=causes or {"reason": "", "reference": ""},
            wrong=wrong,
        )

    def _asked(self, coupon_id: str, causes: View) -> dict[str, Any]:
        given = {name: text for name, text in causes.items() if text}
        return {"customer_id": self.place.customer_id, "coupon_id": coupon_id, **given}

    def _page(self, template: str, status: int, **context: Any) -> Response[str]:
        called = customer_reading.called(self.customer, self.place)
        back = {"back": self.place.address, "place": self.place, "called": called}
        return self.visitor.page(template, status, **back, **context)

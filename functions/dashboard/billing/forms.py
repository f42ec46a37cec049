"""Forms that change what a customer pays: shown, previewed, carried out once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import Response

from dashboard import forms, terminal
from dashboard.billing import action as billing_action
from dashboard.billing import generosity
from dashboard.billing import words as billing_words
from dashboard.billing.action import Wanted
from dashboard.billing.custom_plan import Overtaken
from dashboard.customer.acting import Acting
from dashboard.forms import RIGHT, Wrong
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.store.session import Session
from orchard.triggers import http
from orchard.usecases import plan_parts

type View = Mapping[str, Any]


class Form(NamedTuple):
    """A form, by what it asks the API for and how it is shown."""

    acting: Acting
    template: str
    address: str
    operation: str
    fields: Sequence[str]
    #: What the button says until a preview is known.
    label: str
    #: What was typed as the body of the call, and that as the request. Errors: `InvalidInputs`.
    body: Callable[[View], dict[str, Any]]
    request: Callable[[View], Wanted]
    preview: Callable[[Session, Any], View]
    run: Callable[[Session, Any], View]
    #: What the button does by what the preview says; what was done, once it was.
    labelled: Callable[[View, View], str]
    done: Callable[[], str]
    #: What else the template needs, by what was typed.
    context: Callable[[View], dict[str, Any]]

    def opened(self, values: View) -> Response[str]:
        """Show the form as it is opened."""
        return self._page(values)

    def sent(self, fields: View) -> Response[str]:
        """Tell what would be done, or do it; what is refused is told beside what was typed."""
        values = forms.typed(fields, self.fields)
        if fields.get("step") == "preview":
            return self._page(values, preview=self._previewed(values))
        try:
            answer = billing_action.carried_out(
                self.acting,
                fields,
                lambda: self._asked(values),
                lambda session: self.run(session, self._permitted(values)),
            )
            return billing_action.told(self.acting, answer, self.done)
        except Overtaken as refused:
            return self._page({**values, **refused.fresh}, Wrong(refused.message), 409)
        except OrchardError as refused:
            wrong = forms.wrong(refused, self.fields)
            return self._page(values, wrong, http.status_of(refused))

    def _asked(self, values: View) -> Wanted:
        """What was typed as the request. Errors: `Forbidden`, `InvalidInputs`."""
        body = self.body(values)
        asked = self.request(body)
        visitor = self.acting.visitor
        generosity.must_be_permitted(visitor.session, asked, visitor.current.user)
        return asked

    def _permitted(self, values: View) -> Wanted:
        """The same, once it is known what it costs. Errors: likewise, and those of the preview."""
        asked, visitor = self._asked(values), self.acting.visitor
        if not visitor.current.user.may(Act.APPROVE):
            generosity.must_cost_something(self.preview(visitor.session, asked))
        return asked

    def _previewed(self, values: View) -> dict[str, Any]:
        visitor = self.acting.visitor
        try:
            asked = self.body(values)
            shown = self.preview(visitor.session, self._asked(values))
            if not visitor.current.user.may(Act.APPROVE):
                generosity.must_cost_something(shown)
        except OrchardError as refused:
            wrong = forms.wrong(refused, self.fields)
            return {"wrong": wrong.message, "label": self.label}
        words = billing_words.in_words(shown, plan_parts.names(visitor.session), visitor.now)
        curl = terminal.curl(self.operation, asked)
        return {"wrong": "", "label": self.labelled(shown, values), "curl": curl, **words}

    def _page(
        self, values: View, wrong: Wrong = RIGHT, status: int = 200, preview: View | None = None
    ) -> Response[str]:
        told = {"values": values, "wrong": wrong, "preview": preview, "address": self.address}
        label = preview["label"] if preview else self.label
        return self.acting.page(self.template, status, label=label, **told, **self.context(values))

"""The gateway against the double over HTTP: what goes in, what comes out, what goes wrong."""

import logging
import re
from typing import Any

import pytest

from orchard.domain.customer import Customer
from orchard.errors import (
    Invalid,
    OrchardError,
    StripeFailed,
    StripeRateLimited,
    Unavailable,
)
from orchard.gateways import stripe as gateway
from orchard.gateways import stripe_client, stripe_events
from tests.conftest import START, Clock
from tests.pretended_stripe import PATH, SECRETS, Stripe

pytestmark = pytest.mark.usefixtures("stripe")

ADA = Customer(
    internal_id="cus_1",
    id="user_1",
    created_at=START,
    name="Ada",
    email="ada@example.com",
)


def test_a_customer_is_created_with_what_links_it_to_ours() -> None:
    created = gateway.create_customer("sandbox", ADA, "key")

    assert created == gateway.customer("sandbox", created.id)
    assert created.id.startswith("cus_")
    assert (created.name, created.email) == ("Ada", "ada@example.com")
    assert created.metadata == {"autumn_id": "user_1", "autumn_internal_id": "cus_1"}


def test_a_customer_without_id_name_or_email_is_created_too() -> None:
    created = gateway.create_customer("sandbox", Customer("cus_2", None, START), "key")

    assert (created.name, created.email) == (None, None)
    assert created.metadata == {"autumn_internal_id": "cus_2"}


def test_creating_again_with_the_same_key_gives_the_same_customer() -> None:
    first = gateway.create_customer("sandbox", ADA, "key")
    again = gateway.create_customer("sandbox", ADA, "key")
    other = gateway.create_customer("sandbox", ADA, "other key")

    assert first == again
    assert other.id != first.id


def test_creating_again_with_other_data_is_not_refused() -> None:
    first = gateway.create_customer("sandbox", ADA, "key")
    renamed = gateway.create_customer("sandbox", ADA._replace(name="Ada L."), "key")

    assert renamed.name == "Ada L."
    assert renamed.id != first.id


def test_an_update_changes_only_what_is_given() -> None:
    created = gateway.create_customer("sandbox", ADA, "key")

    updated = gateway.update_customer("sandbox", created.id, name="Grace")

    assert updated == created._replace(name="Grace")


def test_a_deleted_customer_is_no_customer() -> None:
    created = gateway.create_customer("sandbox", ADA, "key")

    gateway.delete_customer("sandbox", created.id)
    gateway.delete_customer("sandbox", created.id)

    assert gateway.customer("sandbox", created.id) is None


def test_an_unknown_customer_is_none_to_read_and_an_error_to_change() -> None:
    assert gateway.customer("sandbox", "cus_nobody") is None
    gateway.delete_customer("sandbox", "cus_nobody")
    with pytest.raises(StripeFailed) as refused:
        gateway.update_customer("sandbox", "cus_nobody", name="x")

    assert refused.value.message == "(Stripe Error) No such customer: 'cus_nobody'"


def test_an_unknown_invoice_is_none() -> None:
    assert gateway.invoice("sandbox", "in_nothing") is None


def test_what_stripe_refuses_carries_its_sentence() -> None:
    with pytest.raises(StripeFailed) as refused:
        gateway.create_customer("sandbox", ADA._replace(email="not an address"), "key")

    assert refused.value.message == "(Stripe Error) Invalid email address: not an address"
    assert refused.value.code == "stripe_error"


def test_a_failure_that_passes_is_not_noticed(stripe: Stripe) -> None:
    stripe.control("failures", {"status": 503, "times": 1})

    created = gateway.create_customer("sandbox", ADA, "key")

    assert len(stripe.reports("customer.created")) == 1
    assert gateway.customer("sandbox", created.id) == created


def test_a_failure_that_lasts_is_unavailability_after_a_bounded_number_of_tries(
    stripe: Stripe,
) -> None:
    stripe.control("failures", {"status": 500, "times": 100})
    seen: list[str] = []
    stripe.double.answering = lambda request: seen.append(request.path)

    with pytest.raises(Unavailable):
        gateway.customer("sandbox", "cus_1")

    assert seen == ["/v1/customers/cus_1"] * 3


def test_too_many_requests_are_told_apart(stripe: Stripe) -> None:
    stripe.control("failures", {"status": 429, "times": 100})

    with pytest.raises(StripeRateLimited):
        gateway.customer("sandbox", "cus_1")


def test_nobody_at_the_address_is_unavailability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")

    with pytest.raises(Unavailable):
        gateway.customer("sandbox", "cus_1")


def test_a_wrong_key_is_named_by_its_environment_and_never_shown(
    stripe_secrets: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    key = "rk_test_secret_part"
    stripe_secrets.put_parameter(
        Name=f"{PATH}/sandbox/secret_key", Value=key, Type="SecureString", Overwrite=True
    )
    stripe_client.forget()

    with pytest.raises(StripeFailed) as refused:
        gateway.customer("sandbox", "cus_1")

    assert refused.value.message == "(Stripe Error) Stripe does not accept the sandbox key"
    shown = caplog.text + str(refused.value) + repr(refused.value)
    assert not re.search("|".join([key, *SECRETS.values()]), shown)


def test_a_missing_key_is_a_clear_error(stripe_secrets: Any) -> None:
    stripe_secrets.delete_parameters(Names=[f"{PATH}/live/secret_key"])
    stripe_client.forget()

    with pytest.raises(StripeFailed) as refused:
        gateway.customer("live", "cus_1")

    place = f"{PATH}/live/secret_key"
    assert refused.value.message == (
        f"(Stripe Error) Stripe is not set up: Parameter Store has no {place}"
    )


def test_each_environment_has_its_own_key(stripe: Stripe) -> None:
    keys: list[str] = []
    stripe.double.answering = lambda request: keys.append(request.headers["authorization"])

    gateway.customer("sandbox", "cus_1")
    gateway.customer("live", "cus_1")

    assert keys == ["Bearer sk_test_pretended", "Bearer sk_live_pretended"]


def test_secrets_are_read_once_for_many_calls(stripe_secrets: Any) -> None:
    gateway.customer("sandbox", "cus_1")
    stripe_secrets.delete_parameters(Names=[f"{PATH}/{name}" for name in SECRETS])

    assert gateway.customer("sandbox", "cus_1") is None


BODY = '{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}'


def test_a_signed_report_says_which_environment_it_is_from(stripe: Stripe, clock: Clock) -> None:
    event = stripe_events.verified(BODY.encode(), stripe.signed(BODY), clock.now)

    assert event[:4] == ("evt_1", "invoice.paid", "sandbox", {"id": "in_1"})
    assert (event.key, event.previous) == (None, {})


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        "t=1788220800",
        "t=1788220800,v1=",
        "t=1788220800,v1=00",
        "t=,v1=00",
        "t=é,v1=é",
        "v1=00",
        "t=9999999999999999999999,v1=00",
    ],
)
def test_no_other_signature_passes(clock: Clock, signature: str) -> None:
    refused = refusal(BODY.encode(), signature, clock.now)

    assert refused.code == "invalid_signature"


def test_a_report_without_signature_is_refused(clock: Clock) -> None:
    with pytest.raises(Invalid):
        stripe_events.verified(BODY.encode(), None, clock.now)


def test_a_changed_body_is_refused(stripe: Stripe, clock: Clock) -> None:
    changed = BODY.replace("in_1", "in_2").encode()

    assert refusal(changed, stripe.signed(BODY), clock.now).code == "invalid_signature"
    assert refusal(b"\xff", stripe.signed(BODY), clock.now).code == "invalid_signature"


def test_an_old_signature_is_refused(stripe: Stripe, clock: Clock) -> None:
    signature = stripe.signed(BODY)

    clock.advance(seconds=300)
    stripe_events.verified(BODY.encode(), signature, clock.now)
    clock.advance(seconds=1)

    assert refusal(BODY.encode(), signature, clock.now).code == "invalid_signature"


def test_an_old_signature_does_not_pass_under_a_newer_time(stripe: Stripe, clock: Clock) -> None:
    signature = stripe.signed(BODY)
    clock.advance(days=1)
    newer = f"{signature},t={clock.now // 1000}"

    assert refusal(BODY.encode(), newer, clock.now).code == "invalid_signature"


@pytest.mark.parametrize("body", ["[]", "1", "{}", "text", '{"id":"evt_1","type":"x","data":[]}'])
def test_a_signed_body_that_is_no_report_is_refused(
    stripe: Stripe, clock: Clock, body: str
) -> None:
    assert refusal(body.encode(), stripe.signed(body), clock.now).code == "invalid_request"


def test_without_secrets_nothing_can_be_verified(
    stripe: Stripe, stripe_secrets: Any, clock: Clock
) -> None:
    stripe_secrets.delete_parameters(
        Names=[f"{PATH}/sandbox/webhook_secret", f"{PATH}/live/webhook_secret"]
    )
    stripe_client.forget()

    assert "is not set up" in refusal(BODY.encode(), stripe.signed(BODY), clock.now).message


def refusal(body: bytes, signature: str, now: int) -> OrchardError:
    with pytest.raises(Invalid) as refused:
        stripe_events.verified(body, signature, now)
    return refused.value

"""customers.get_or_create, .get, .update and .delete."""

from typing import Any

import pytest

from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, monthly
from tests.conftest import START, Call, Clock, mint
from tests.harness import call as call_with


@pytest.fixture
def free(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)


def internal_id(call: Call, **body: Any) -> str:
    answered = call("customers.get_or_create", {"with_autumn_id": True, **body})
    assert answered.status == 200, answered
    found: str = answered.body["autumn_id"]
    return found


def test_a1_a_new_customer_is_returned_as_it_was_given(call: Call) -> None:
    view = a_customer(call, "user_1", name="Ada", email="ada@example.com", metadata={"a": [1, 0.5]})

    assert (view["id"], view["name"], view["email"]) == ("user_1", "Ada", "ada@example.com")
    assert view["metadata"] == {"a": [1, 0.5]}
    assert view["created_at"] == START
    assert view["env"] == "sandbox"
    assert "autumn_id" not in view


def test_a2_the_same_id_returns_the_same_customer(call: Call) -> None:
    first = internal_id(call, customer_id="user_1", name="Ada")

    assert first == internal_id(call, customer_id="user_1", name="Other")
    assert first.startswith("cus_")
    assert len(first) == 31


def test_a3_expansions_without_content_are_empty_lists(call: Call) -> None:
    view = a_customer(call, expand=["invoices", "trials_used", "entities", "referrals"])

    assert [view[part] for part in ("invoices", "trials_used", "entities", "referrals")] == [[]] * 4


def test_an_unknown_expansion_is_refused(call: Call) -> None:
    answered = call("customers.get_or_create", {"customer_id": "user_1", "expand": ["wallet"]})

    assert answered.status == 400
    assert answered.body["code"] == "invalid_inputs"
    assert "must be one of: invoices" in answered.body["message"]


def test_a4_a_customer_needs_an_id_or_an_email(call: Call) -> None:
    answered = call("customers.get_or_create", {"customer_id": None})

    assert answered.status == 400
    assert answered.body == {
        "message": "Either customer ID or email is required",
        "code": "invalid_request",
        "env": "sandbox",
    }


def test_the_id_must_be_named_even_when_it_is_null(call: Call) -> None:
    answered = call("customers.get_or_create", {"email": "ada@example.com"})

    assert answered.body["message"] == "customer_id: is required"


@pytest.mark.parametrize(
    ("customer_id", "message"),
    [
        ("", "can't be an empty string"),
        (
            "ada@example",
            "cannot contain @ symbol. Use only letters, numbers, underscores, hyphens, and colons.",
        ),
        (
            "ada lovelace",
            "cannot contain spaces. Use only letters, numbers, underscores, hyphens, and colons.",
        ),
        (
            "ada.lovelace",
            "cannot contain periods. Use only letters, numbers, underscores, hyphens, and colons.",
        ),
        ("ada#1", "cannot contain the character '#'. "),
        ("a" * 256, "must have at most 255 characters"),
        (7, "must be a string (received number)"),
    ],
)
def test_an_id_that_breaks_the_rules_says_which(
    call: Call, customer_id: object, message: str
) -> None:
    answered = call("customers.get_or_create", {"customer_id": customer_id})

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert answered.body["message"].startswith(f"customer_id: {message}")


def test_an_email_must_look_like_one(call: Call) -> None:
    answered = call("customers.get_or_create", {"customer_id": "a", "email": "nobody"})

    assert answered.body["message"] == "email: not a valid email address"
    assert a_customer(call, "b", email="jürgen@exämple.de")["email"] == "jürgen@exämple.de"


@pytest.mark.parametrize("wanted", [True, False])
def test_a5_email_receipts_are_stored(call: Call, *, wanted: bool) -> None:
    assert a_customer(call, "user_2")["send_email_receipts"] is False
    assert a_customer(call, send_email_receipts=wanted)["send_email_receipts"] is wanted


def test_another_currency_needs_an_option_that_is_off(call: Call) -> None:
    answered = call("customers.get_or_create", {"customer_id": "a", "currency": "EUR"})

    assert answered.body["message"] == "Multi-currency is not enabled for this organization"
    assert call("customers.get", {"customer_id": "a"}).status == 404


@pytest.mark.usefixtures("free")
class TestDefaultPlans:
    def test_a15_a_new_customer_holds_the_default_plan(self, call: Call) -> None:
        view = a_customer(call)

        (held,) = view["subscriptions"]
        assert (held["plan_id"], held["status"], held["auto_enable"]) == ("free", "active", True)
        assert held["id"].startswith("cus_prod_")
        assert view["balances"]["messages"]["remaining"] == 100
        assert view["balances"]["messages"]["next_reset_at"] == 1_790_812_800_000

    def test_what_creation_answers_is_what_a_read_finds(self, call: Call) -> None:
        assert a_customer(call) == call("customers.get", {"customer_id": "user_1"}).body

    def test_the_default_is_not_applied_twice(self, call: Call) -> None:
        a_customer(call)

        assert len(a_customer(call)["subscriptions"]) == 1

    def test_one_default_of_each_group(self, call: Call) -> None:
        a_feature(call, "words")
        a_plan(call, "extra", monthly("words", 5), auto_enable=True, group="extras")

        assert sorted(a_customer(call)["balances"]) == ["messages", "words"]

    def test_a_named_plan_replaces_the_defaults(self, call: Call) -> None:
        a_feature(call, "words")
        a_plan(call, "other", monthly("words", 5), group="other")

        view = a_customer(call, auto_enable_plan_id="other")
        assert [held["plan_id"] for held in view["subscriptions"]] == ["other"]

    def test_a6_an_unknown_named_plan_creates_nothing(self, call: Call) -> None:
        body = {"customer_id": "user_1", "auto_enable_plan_id": "nothing"}
        answered = call("customers.get_or_create", body)

        assert (answered.status, answered.body["code"]) == (404, "product_not_found")
        assert call("customers.get", {"customer_id": "user_1"}).status == 404

    def test_a_named_plan_must_be_free(self, call: Call) -> None:
        a_plan(call, "pro", price={"amount": 20, "interval": "month"})

        body = {"customer_id": "user_1", "auto_enable_plan_id": "pro"}
        answered = call("customers.get_or_create", body)
        assert answered.status == 400
        assert answered.body["message"] == (
            "Auto-enable plan must be a free product, "
            "or have a free trial with 'card_required' as false"
        )

    def test_a_trial_shows_until_it_ends_and_takes_its_balance_with_it(
        self, call: Call, clock: Clock
    ) -> None:
        trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
        a_plan(call, "trial", monthly("messages", 500), group="t", free_trial=trial)
        view = a_customer(call, auto_enable_plan_id="trial", expand=["trials_used"])

        assert view["subscriptions"][0]["trial_ends_at"] == START + 7 * 86_400_000
        assert view["balances"]["messages"]["remaining"] == 500
        assert view["trials_used"][0]["plan_id"] == "trial"

        clock.advance(days=7)
        after = call("customers.get", {"customer_id": "user_1"}).body
        assert after["subscriptions"] == []
        assert after["balances"] == {}
        body = {"customer_id": "user_1", "expand": ["trials_used"]}
        assert call("customers.get", body).body["trials_used"][0]["plan_id"] == "trial"

    def test_a7_and_a10_without_an_id_a_customer_is_found_by_its_email_in_any_case(
        self, call: Call
    ) -> None:
        first = internal_id(call, customer_id=None, email="case@example.com", name="First")
        for email in ("case@example.com", "CASE@EXAMPLE.COM"):
            again = internal_id(call, customer_id=None, email=email, name="Second")
            assert first == again

        view = call("customers.get", {"customer_id": first}).body
        assert (view["id"], view["name"]) == (None, "First")
        assert [one["status"] for one in view["subscriptions"]] == ["active"]
        assert view["balances"]["messages"]["remaining"] == 100

    def test_a8_customers_without_an_id_are_told_apart_by_email(self, call: Call) -> None:
        made = {internal_id(call, customer_id=None, email=f"{name}@example.com") for name in "abc"}

        assert len(made) == 3

    def test_a9_an_id_claims_the_customer_with_the_same_email(self, call: Call) -> None:
        first = internal_id(call, customer_id=None, email="e@example.com", name="First")
        call("balances.track", {"customer_id": first, "feature_id": "messages", "value": 40})

        claimed = internal_id(call, customer_id="X", email="E@example.com", name="Other")
        view = call("customers.get", {"customer_id": "X"}).body
        assert claimed == first
        assert (view["id"], view["name"]) == ("X", "First")
        assert view["balances"]["messages"]["remaining"] == 60
        assert len(view["subscriptions"]) == 1
        by_internal_id = call("customers.get", {"customer_id": first}).body
        assert by_internal_id == view
        nameless = internal_id(call, customer_id=None, email="e@example.com")
        assert nameless != first


def test_only_blanks_are_filled(call: Call) -> None:
    a_customer(call, metadata={"a": 1})
    filled = a_customer(call, name="Ada", email="a@example.com", metadata={"b": 2}, fingerprint="f")
    kept = a_customer(call, name="Bob", email="b@example.com")

    assert (filled["name"], filled["email"]) == ("Ada", "a@example.com")
    assert (kept["name"], kept["email"]) == ("Ada", "a@example.com")
    assert kept["metadata"] == {"a": 1}
    assert kept["fingerprint"] is None


def test_environments_share_nothing(call: Call, table: Table) -> None:
    a_customer(call)
    live = mint(table, "live")

    answered = call_with("customers.get", {"customer_id": "user_1"}, key=live)
    assert answered.status == 404
    assert answered.body["env"] == "live"


def test_an_unknown_customer_is_not_created_by_reading(call: Call) -> None:
    answered = call("customers.get", {"customer_id": "user_404"})

    assert answered.status == 404
    assert answered.body == {
        "message": "Customer user_404 not found",
        "code": "customer_not_found",
        "env": "sandbox",
    }


class TestUpdate:
    def test_fields_are_set_and_null_clears(self, call: Call) -> None:
        a_customer(call, name="Ada", email="a@example.com", fingerprint="f")
        body = {"customer_id": "user_1", "name": "Ada King", "email": None}

        view = call("customers.update", body).body
        assert (view["name"], view["email"], view["fingerprint"]) == ("Ada King", None, "f")

    def test_metadata_is_merged_and_null_deletes_a_key(self, call: Call) -> None:
        a_customer(call, metadata={"segment": "beta", "kept": {"deep": None}})
        body = {"customer_id": "user_1", "metadata": {"segment": None, "tier": "gold"}}

        view = call("customers.update", body).body
        assert view["metadata"] == {"kept": {"deep": None}, "tier": "gold"}

    def test_an_update_of_nothing_returns_the_customer(self, call: Call) -> None:
        created = a_customer(call)

        assert call("customers.update", {"customer_id": "user_1"}).body == created

    def test_an_unknown_customer_is_not_found(self, call: Call) -> None:
        assert call("customers.update", {"customer_id": "nobody"}).status == 404

    @pytest.mark.usefixtures("free")
    def test_renaming_keeps_everything_and_frees_the_old_id(self, call: Call) -> None:
        first = internal_id(call, customer_id="user_1", name="Ada")
        a_grant(call, 50)
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 30})

        body = {"customer_id": "user_1", "new_customer_id": "user_2", "with_autumn_id": True}
        view = call("customers.update", body).body
        assert (view["id"], view["autumn_id"]) == ("user_2", first)
        assert view["balances"]["messages"]["remaining"] == 120
        assert call("customers.get", {"customer_id": "user_1"}).status == 404
        call("balances.track", {"customer_id": "user_2", "feature_id": "messages", "value": 20})
        assert balance(call, customer_id="user_2")["remaining"] == 100
        assert internal_id(call, customer_id="user_1") != first

    def test_a_taken_id_is_a_conflict_and_changes_nothing(self, call: Call) -> None:
        a_customer(call, "user_1", name="Ada")
        a_customer(call, "user_2", name="Bob")

        body = {"customer_id": "user_1", "new_customer_id": "user_2", "name": "Eve"}
        answered = call("customers.update", body)
        assert answered.status == 409
        assert answered.body["code"] == "customer_already_exists"
        assert answered.body["message"] == (
            "Customer with ID user_2 already exists, can't change to this ID"
        )
        assert call("customers.get", {"customer_id": "user_1"}).body["name"] == "Ada"
        assert call("customers.get", {"customer_id": "user_2"}).body["name"] == "Bob"

    def test_two_customers_without_an_id_may_not(self, call: Call) -> None:
        internal_id(call, customer_id=None, email="taken@example.com")
        mine = internal_id(call, customer_id=None, email="mine@example.com")

        refused = call("customers.update", {"customer_id": mine, "email": "Taken@example.com"})

        assert (refused.status, refused.body["code"]) == (409, "customer_already_exists")
        assert call("customers.get", {"customer_id": mine}).body["email"] == "mine@example.com"

    def test_two_customers_with_ids_may_share_an_email(self, call: Call) -> None:
        a_customer(call, "user_1", email="same@example.com")
        a_customer(call, "user_2", email="same@example.com")

        assert call("customers.get", {"customer_id": "user_2"}).body["email"] == "same@example.com"

    def test_the_documented_path_with_the_id_in_the_body_works(self, call: Call) -> None:
        a_customer(call)

        answered = call(
            "customers.update",
            {"customer_id": "user_1", "name": "Ada"},
            route="POST /v1/customers/update",
        )
        assert answered.body["name"] == "Ada"

    def test_on_the_older_path_id_is_the_new_id(self, call: Call) -> None:
        a_customer(call)

        answered = call(
            "customers.update",
            {"id": "user_9"},
            route="PATCH /v1/customers/{customer_id}",
            path={"customer_id": "user_1"},
        )
        assert answered.body["id"] == "user_9"


class TestBillingControls:
    def test_each_list_replaces_the_stored_one(self, call: Call) -> None:
        spend = {"feature_id": "messages", "enabled": True, "overage_limit": 25}
        a_customer(call, billing_controls={"spend_limits": [spend]})
        body = {
            "customer_id": "user_1",
            "billing_controls": {"overage_allowed": [{"feature_id": "messages", "enabled": True}]},
        }

        controls = call("customers.update", body).body["billing_controls"]
        assert controls["spend_limits"] == [{**spend, "source": "customer"}]
        assert controls["overage_allowed"][0]["source"] == "customer"
        cleared = {"customer_id": "user_1", "billing_controls": {"spend_limits": []}}
        assert call("customers.update", cleared).body["billing_controls"]["spend_limits"] == []

    @pytest.mark.parametrize(
        ("controls", "code", "message"),
        [
            (
                {"auto_topups": [{"feature_id": "a", "threshold": 1, "quantity": 1}] * 2},
                "invalid_inputs",
                "Only one auto top-up entry is allowed per feature_id",
            ),
            (
                {
                    "auto_topups": [
                        {
                            "feature_id": "a",
                            "threshold": 1,
                            "quantity": 1,
                            "purchase_limit": {"interval": "day", "limit": 1, "count": 2},
                        }
                    ]
                },
                "invalid_request",
                "purchase_limit.count must be between 0 and purchase_limit.limit",
            ),
            (
                {
                    "auto_topups": [
                        {
                            "feature_id": "a",
                            "threshold": 1,
                            "quantity": 1,
                            "purchase_limit": {"count": 2},
                        }
                    ]
                },
                "invalid_inputs",
                (
                    "[Validation Errors] billing_controls.auto_topups.0.purchase_limit.interval: "
                    "is required; billing_controls.auto_topups.0.purchase_limit.limit: is required"
                ),
            ),
            (
                {"overage_allowed": [{"feature_id": f"f{n}"} for n in range(101)]},
                "invalid_inputs",
                "billing_controls.overage_allowed: must have at most 100 entries",
            ),
            ({"spend_limits": [{"overage_limit": 5}]}, "invalid_inputs", "feature_id is required"),
            (
                {"usage_limits": [{"feature_id": "a", "limit": 1, "interval": "one_off"}]},
                "invalid_inputs",
                "interval: must be one of: day, week, month, year",
            ),
            (
                {"usage_alerts": [{"threshold": 101, "threshold_type": "remaining_percentage"}]},
                "invalid_inputs",
                "threshold must be at most 100",
            ),
        ],
    )
    def test_a_wrong_control_is_refused(
        self, call: Call, controls: dict[str, Any], code: str, message: str
    ) -> None:
        body = {"customer_id": "user_1", "billing_controls": controls}
        answered = call("customers.get_or_create", body)

        assert (answered.status, answered.body["code"]) == (400, code)
        assert message in answered.body["message"]


class TestDelete:
    @pytest.mark.usefixtures("free")
    def test_nothing_of_the_customer_is_left_to_read(self, call: Call) -> None:
        first = internal_id(call, customer_id="user_1")

        answered = call("customers.delete", {"customer_id": "user_1"})
        assert answered.body["success"] is True
        for customer_id in ("user_1", first):
            assert call("customers.get", {"customer_id": customer_id}).status == 404
        body = {"customer_id": "user_1", "feature_id": "messages"}
        assert call("balances.track", body).status == 404
        assert call("customers.list", {}).body["list"] == []

    def test_an_unknown_customer_is_not_found(self, call: Call) -> None:
        assert call("customers.delete", {"customer_id": "nobody"}).status == 404

    @pytest.mark.usefixtures("free")
    def test_the_id_is_free_for_a_new_identity(self, call: Call) -> None:
        first = internal_id(call, customer_id="user_1")
        call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 30})
        call("customers.delete", {"customer_id": "user_1"})

        assert internal_id(call, customer_id="user_1") != first
        assert balance(call)["remaining"] == 100

    def test_the_older_path_takes_the_id_from_the_path(self, call: Call) -> None:
        a_customer(call)

        answered = call(
            "customers.delete",
            route="DELETE /v1/customers/{customer_id}",
            path={"customer_id": "user_1"},
            query={"delete_in_stripe": "false"},
        )
        assert answered.body["success"] is True


def test_a_customer_is_changed_only_if_it_is_still_as_it_was_seen(call: Call) -> None:
    metadata = {"team": "north", "seats": [1, 0.1], "on": True}
    a_customer(call, name="Ada", metadata=metadata)

    def renamed(to: str, **seen: Any) -> tuple[int, str]:
        body = {"customer_id": "user_1", "name": to, "if_still": seen}
        answered = call("customers.update", body)
        return answered.status, answered.body.get("message", answered.body.get("name"))

    first = {"name": "Ada", "id": "user_1", "email": None, "metadata": metadata}
    assert renamed("Grace", **first) == (200, "Grace")
    assert renamed("Eve", name="Ada") == (409, "name was changed since you looked")
    seen = {"email": "ada@example.com", "metadata": {"team": None, "more": 1, "on": 1}}
    message = "email, metadata.team, metadata.more, metadata.on were changed since you looked"
    assert renamed("Eve", **seen) == (409, message)
    assert renamed("Eve", fingerprint="", metadata={"other": None}) == (200, "Eve")

"""Custom plans: `customize` of `billing.attach`, for one customer and nobody else."""

from typing import Any

from orchard.store.table import Table
from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan, monthly
from tests.streams import recording

PER_MONTH = {
    "feature_id": "words",
    "price": {"amount": 1, "interval": "month", "billing_method": "usage_based"},
}


def held(shop: Shop, customer_id: str = "user_1") -> Any:
    """The plan that a customer's subscription shows."""
    shown = shop.done("customers.get", customer_id=customer_id, expand=["subscriptions.plan"])
    (subscription,) = shown["subscriptions"]
    return subscription["plan"]


def items(plan: Any) -> dict[str, Any]:
    return {one["feature_id"]: one["included"] for one in plan["items"]}


def test_another_price_is_charged_to_this_customer_alone(shop: Shop) -> None:
    shop.customer()
    shop.customer("user_2")
    custom = {"price": a_price(15)}

    assert shop.preview("pro", customize=custom)["total"] == 15
    shop.attach("pro", customize=custom)
    shop.attach("pro", "user_2")

    assert (shop.invoices(), shop.invoices("user_2")) == ([(15, "paid")], [(20, "paid")])
    mine, theirs = held(shop), held(shop, "user_2")
    assert (mine["price"]["amount"], mine["price"]["display"]["primary_text"]) == (15, "$15")
    assert (mine["id"], mine["version"], items(mine)) == ("pro", 1, {"messages": 500})
    assert theirs["price"]["amount"] == 20


def test_the_catalogue_knows_nothing_of_custom_plans(shop: Shop) -> None:
    before = shop.done("plans.list", all_versions=True)
    shop.customer()

    shop.attach("pro", customize={"price": a_price(15), "items": [monthly("messages", 9)]})

    assert shop.done("plans.list", all_versions=True) == before
    # Somebody holds the version: a change of it makes a new one, as ever.
    updated = shop.done("plans.update", plan_id="pro", price=a_price(30))
    assert (updated["version"], updated["price"]["amount"]) == (2, 30)
    assert (held(shop)["version"], held(shop)["price"]["amount"]) == (1, 15)


def test_the_next_renewal_charges_the_custom_price_too(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", customize={"price": a_price(15)})

    shop.pass_time(days=32)

    assert shop.invoices() == [(15, "paid"), (15, "paid")]
    assert shop.plans() == {"pro": "active"}


def test_items_are_replaced_added_and_removed_for_this_customer(shop: Shop) -> None:
    a_feature(shop.call, "words")
    a_feature(shop.call, "sso", type="boolean")
    words, messages = monthly("words", 7), monthly("messages", 800)
    old = {"feature_id": "messages"}
    customs: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({"items": [words]}, {"words": 7}),
        ({"add_items": [words]}, {"messages": 500, "words": 7}),
        ({"items": []}, {}),
        ({"remove_items": [old], "add_items": [messages]}, {"messages": 800}),
        ({"remove_items": [{"interval": "month"}], "add_items": [{"feature_id": "sso"}]}, {}),
    ]

    for number, (custom, given) in enumerate(customs):
        customer_id = f"user_{number}"
        shop.customer(customer_id)
        shop.attach("pro", customer_id, customize=custom)
        shown = shop.done("customers.get", customer_id=customer_id)
        assert {name: one["remaining"] for name, one in shown["balances"].items()} == given
        assert list(shown["flags"]) == ["sso"] * ("sso" in str(custom))
        assert shop.invoices(customer_id) == [(20, "paid")]

    shop.customer("other")
    shop.attach("pro", "other")
    assert shop.remaining(customer_id="other") == 500


def test_whether_a_plan_is_an_upgrade_is_judged_by_what_the_customer_pays(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", customize={"price": a_price(60)})

    listed = shop.done("plans.list", customer_id="user_1")["list"]
    actions = {one["id"]: one["customer_eligibility"]["attach_action"] for one in listed}
    assert (actions["premium"], actions["growth"]) == ("downgrade", "upgrade")

    assert shop.preview("premium")["total"] == 0
    shop.attach("premium")
    assert shop.plans() == {"pro": "canceling", "premium": "scheduled"}


def test_a_dearer_plan_that_is_cheaper_for_this_customer_waits_for_the_cycle(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")

    shop.attach("premium", customize={"price": a_price(10)})
    assert shop.plans() == {"pro": "canceling", "premium": "scheduled"}
    shop.pass_time(days=32)

    assert shop.plans() == {"premium": "active"}
    assert held(shop)["price"]["amount"] == 10
    assert shop.invoices() == [(10, "paid"), (20, "paid")]


def test_an_upgrade_credits_what_the_customer_paid(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro", customize={"price": a_price(15)})

    assert shop.preview("premium", customize={"price": a_price(45)})["total"] == 30
    shop.attach("premium", customize={"price": a_price(45)})

    assert shop.invoices() == [(30, "paid"), (15, "paid")]
    assert shop.plans() == {"premium": "active"}


def test_a_plan_without_its_price_is_free_for_this_customer(shop: Shop) -> None:
    shop.customer(card=None)

    answer = shop.attach("pro", customize={"price": None})

    assert answer["payment_url"] is None
    assert (shop.plans(), shop.invoices(), shop.remaining()) == ({"pro": "active"}, [], 500)
    assert held(shop)["price"] is None


def test_a_free_plan_with_a_price_is_paid_for_on_stripes_page(shop: Shop) -> None:
    shop.customer(card=None)

    answer = shop.attach("free", customize={"price": a_price(7)})
    assert shop.plans() == {}
    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert (shop.plans(), shop.invoices()) == ({"free": "active"}, [(7, "paid")])
    assert held(shop)["price"]["amount"] == 7


def test_usage_is_billed_by_the_custom_price(shop: Shop) -> None:
    shop.customer()
    price = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    more = {"feature_id": "messages", "included": 100, "price": price}
    shop.attach("pro", customize={"items": [more]})

    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=150.5)
    shop.pass_time(days=32)

    # 50.5 beyond the grant are 51 units.
    assert shop.invoices() == [(25.1, "paid"), (20, "paid")]
    assert shop.remaining() == 100


def test_a_trial_can_be_given_to_one_customer(shop: Shop) -> None:
    shop.customer()
    trial = {"duration_length": 7, "duration_type": "day", "card_required": True}

    assert shop.preview("pro", customize={"free_trial": trial})["total"] == 0
    shop.attach("pro", customize={"free_trial": trial})

    (shown,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert shown["trial_ends_at"] == shop.clock.now + 7 * 86_400_000
    shop.pass_time(days=8)
    assert (20, "paid") in shop.invoices()


def test_a_trial_can_be_withheld_from_one_customer(shop: Shop) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": True}
    a_plan(shop.call, "tried", monthly("messages", 5), price=a_price(9), free_trial=trial)
    shop.customer()

    shop.attach("tried", customize={"free_trial": None})

    assert shop.invoices() == [(9, "paid")]
    assert "free_trial" not in held(shop)


def test_controls_of_a_custom_plan_hold_for_this_customer(shop: Shop) -> None:
    shop.customer()
    shop.customer("user_2")
    controls = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    shop.attach("pro", customize={"billing_controls": controls})
    shop.attach("pro", "user_2")

    def allowed(customer_id: str) -> Any:
        asked = {"customer_id": customer_id, "feature_id": "messages", "required_balance": 501}
        return shop.done("balances.check", **asked)["allowed"]

    assert (allowed("user_1"), allowed("user_2")) == (True, False)


def test_a_lasting_change_of_an_allowance_is_a_custom_plan(shop: Shop) -> None:
    """An edit of a balance ends with the next reset; what a custom plan gives comes again."""
    shop.customer(card=None)
    shop.customer("user_2", card=None)
    more = [{"feature_id": "messages", "interval": "month"}], [monthly("messages", 300)]

    shop.attach("free", customize={"remove_items": more[0], "add_items": more[1]})
    shop.attach("free", "user_2")
    shop.done("balances.update", customer_id="user_2", feature_id="messages", remaining=300)
    assert (shop.remaining(), shop.remaining(customer_id="user_2")) == (300, 300)
    shop.pass_time(days=32)

    assert (shop.remaining(), shop.remaining(customer_id="user_2")) == (300, 100)


def test_a_feature_that_only_a_custom_plan_gives_counts_as_used(shop: Shop) -> None:
    a_feature(shop.call, "words")
    shop.customer(card=None)
    shop.attach("free", customize={"add_items": [monthly("words", 7)]})

    status, _code, _message = shop.refused("features.delete", feature_id="words")

    assert status == 409
    assert shop.remaining("words") == 7


def test_a_change_tells_what_was_custom(shop: Shop, table: Table) -> None:
    shop.customer()

    shop.attach("pro", customize={"price": a_price(15), "items": [monthly("messages", 9)]})

    recording.catch_up(table)
    (told,) = shop.done("changes.list", customer_id="user_1", action=["billing.attach"])["list"]
    (plan,) = told["after"]["plans"]
    assert plan["custom"]["price"]["amount"] == 15
    assert plan["custom"]["items"] == 1


WRONG: list[tuple[dict[str, Any], int, str, str]] = [
    ({}, 400, "invalid_inputs", "customize: at least one of price"),
    ({"remove_items": [{"feature_id": "seats"}]}, 400, "invalid_inputs", "no item with feature_id"),
    ({"add_items": [monthly("messages", 1)]}, 400, "invalid_inputs", "listed twice"),
    ({"add_items": [monthly("nothing", 1)]}, 404, "feature_not_found", "nothing not found"),
    ({"price": {"amount": 5}}, 400, "invalid_inputs", "customize.price.interval: is required"),
    ({"price": a_price(5, "week"), "add_items": [PER_MONTH]}, 400, "invalid_inputs", "weekly"),
    ({"upsert_licenses": [{"license_plan_id": "x"}]}, 400, "invalid_request", "licences"),
]


def test_what_no_plan_could_be_is_refused_and_nothing_is_done(shop: Shop) -> None:
    a_feature(shop.call, "words")
    stripe_id = shop.customer()

    for custom, status, code, said in WRONG:
        body = {"customer_id": "user_1", "plan_id": "pro", "customize": custom}
        refused = shop.refused("billing.attach", **body)
        assert refused[:2] == (status, code)
        assert said in refused[2]
        assert shop.refused("billing.preview_attach", **body) == refused

    assert (shop.plans(), shop.subscriptions(stripe_id)) == ({}, [])


def test_use_and_what_was_left_can_go_on_with_an_upgrade(shop: Shop) -> None:
    for name in ("user_1", "user_2", "user_3"):
        shop.customer(name)
        shop.attach("pro", name)
        shop.done("balances.track", customer_id=name, feature_id="messages", value=200)

    shop.attach("premium")
    shop.attach("premium", "user_2", carry_over_usages={"enabled": True})
    shop.attach("premium", "user_3", carry_over_balances={"enabled": True})

    assert [shop.remaining(customer_id=f"user_{n}") for n in (1, 2, 3)] == [1000, 800, 1300]


def test_what_cannot_be_carried_over_is_refused(shop: Shop) -> None:
    a_feature(shop.call, "seats", consumable=False)
    shop.customer()
    shop.attach("pro")
    everything = {"enabled": True}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"carry_over_usages": {**everything, "feature_ids": ["seats"]}}, "seats is not used"),
        ({"carry_over_balances": {**everything, "feature_ids": ["nope"]}}, "nope not found"),
        ({"carry_over_usages": everything, "carry_over_balances": everything}, "exclude each"),
    ]

    for body, said in wrong:
        _status, _code, message = shop.refused(
            "billing.attach", customer_id="user_1", plan_id="premium", **body
        )
        assert said in message

    assert shop.plans() == {"pro": "active"}

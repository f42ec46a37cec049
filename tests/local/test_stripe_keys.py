"""The choice between the double of Stripe and a real account in test mode."""

import pytest

from local import stripe_keys
from local.processes import Failed


def test_without_a_key_the_double_serves() -> None:
    assert stripe_keys.real_key({}) is None
    assert stripe_keys.real_key({"STRIPE_SECRET_KEY": " "}) is None
    assert stripe_keys.webhook_secret({}) is None


@pytest.mark.parametrize("key", ["sk_test_1", "rk_test_1"])
def test_a_key_of_test_mode_chooses_the_real_account(key: str) -> None:
    assert stripe_keys.real_key({"STRIPE_SECRET_KEY": f"{key}\n"}) == key


@pytest.mark.parametrize("key", ["sk_live_secret", "pk_test_secret", "secret"])
def test_any_other_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(Failed) as refused:
        stripe_keys.real_key({"STRIPE_SECRET_KEY": key})

    assert "test mode" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_wrong_webhook_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(Failed) as refused:
        stripe_keys.webhook_secret({"STRIPE_WEBHOOK_SECRET": "hidden"})

    assert "hidden" not in str(refused.value)


def test_a_missing_webhook_secret_comes_with_advice() -> None:
    base = "http://127.0.0.1:8080"

    assert f"--forward-to {base}/webhooks/stripe" in stripe_keys.advice(base, {})
    said = stripe_keys.advice(base, {"STRIPE_WEBHOOK_SECRET": "whsec_hidden"})
    assert "test mode" in said
    assert "whsec_" not in said

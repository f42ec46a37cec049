"""The choice between the double of Stripe and a real account in test mode."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import deploy, stripe_keys
from local.processes import Failed
from local.stack import STRIPE, Stack


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


class Emulated:
    """The part of the emulated AWS account that keeps secrets."""

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        made = Stack(tmp_path)
        monkeypatch.setattr(made, "_emulator", Emulated())
        yield made


def stored(name: str) -> str:
    found = Emulated().client("ssm").get_parameter(Name=f"{STRIPE}/{name}", WithDecryption=True)
    return str(found["Parameter"]["Value"])


def test_the_secrets_of_a_real_account_go_where_the_functions_look(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = stack.stripe_secrets()
    assert stack.stripe_secrets() == own

    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_real")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_real")
    stack.stripe_secrets()

    assert (stored("secret_key"), stored("webhook_secret")) == ("sk_test_real", "whsec_real")


def test_the_double_is_not_sent_the_secrets_of_a_real_account(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_real")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_real")
    stack.stripe_secrets()
    text = json.dumps({"StripeApiBase": stripe_keys.API})
    Emulated().client("ssm").put_parameter(Name=deploy.DEPLOYED, Value=text, Type="String")

    monkeypatch.delenv("STRIPE_SECRET_KEY")
    monkeypatch.delenv("STRIPE_WEBHOOK_SECRET")
    now = stack.stripe_secrets()

    assert now.secret_key.startswith("sk_test_")
    assert "real" not in now.secret_key + now.webhook_secret
    assert (stored("secret_key"), stored("webhook_secret")) == (
        now.secret_key,
        now.webhook_secret,
    )

"""The Stripe secrets of each environment, from Parameter Store.

They lie encrypted under STRIPE_PARAMETER_PATH as `sandbox/secret_key`, `sandbox/webhook_secret`,
`live/secret_key` and `live/webhook_secret`, and are never logged or put into an error.
"""

import os
from functools import cache
from typing import cast

from aws_lambda_powertools.utilities.parameters import GetParameterError, SSMProvider

from orchard.errors import Unavailable

ENVIRONMENTS = ("sandbox", "live")
#: A changed secret is used after this long at the latest; Stripe lets the old one work longer.
CACHE_SECONDS = 300


def secret_key(environment: str) -> str | None:
    """Return the key to call Stripe with, None when there is none. Errors: `Unavailable`."""
    return _all().get(f"{environment}/secret_key")


def webhook_secrets() -> dict[str, str]:
    """Return the secret that signs the webhooks of each environment that has one."""
    held = {name: _all().get(f"{name}/webhook_secret") for name in ENVIRONMENTS}
    return {name: secret for name, secret in held.items() if secret}


def path() -> str:
    """Return where the secrets lie."""
    return os.environ["STRIPE_PARAMETER_PATH"]


def forget() -> None:
    """Drop the cached secrets."""
    _store().clear_cache()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@cache
def _store() -> SSMProvider:
    return SSMProvider()


def _all() -> dict[str, str]:
    try:
        found = _store().get_multiple(path(), recursive=True, decrypt=True, max_age=CACHE_SECONDS)
        return cast("dict[str, str]", found)
    except GetParameterError as failed:
        raise Unavailable("The Stripe secrets can't be read") from failed

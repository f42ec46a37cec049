"""The owner of the local dashboard: made once, through the same door as every other user."""

import http.client
import secrets
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from botocore.exceptions import ClientError

from local.processes import Failed
from local.stack import Stack

EMAIL = "owner@example.com"
# The password lies in the emulator, beside the user: both are kept or lost together.
PASSWORD = "/orchard/local/dashboard_password"  # noqa: S105 - the name of a parameter


class SignIn(NamedTuple):
    """What to type where."""

    address: str
    email: str
    password: str


def sign_in(stack: Stack) -> SignIn:
    """Return how to sign in to the dashboard; the first time, make the user.

    If an earlier start was stopped between the two steps, the user gets another password.

    Raises:
        Failed: the deployed functions refused.

    """
    ssm = stack.client("ssm")
    try:
        found = ssm.get_parameter(Name=PASSWORD, WithDecryption=True)["Parameter"]["Value"]
    except ClientError:
        found = secrets.token_urlsafe(12)
        _accept(stack, found)
        ssm.put_parameter(Name=PASSWORD, Value=found, Type="SecureString", Overwrite=True)
    return SignIn(f"{stack.base_url}/dashboard", EMAIL, str(found))


def _accept(stack: Stack, password: str) -> None:
    """Use an invitation up, as a browser does."""
    link = str(stack.invoke("CreateDashboardUser", {"email": EMAIL})["link"])
    base, address = urlsplit(stack.base_url), urlsplit(link)
    fields = {"token": parse_qs(address.query)["token"][0], "name": "Owner"}
    form = urlencode({**fields, "password": password, "again": password})
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "origin": stack.base_url,
        "sec-fetch-site": "same-origin",
    }
    front = http.client.HTTPConnection(str(base.hostname), base.port, timeout=60)
    try:
        front.request("POST", address.path, form, headers)
        answer = front.getresponse()
        said = answer.read().decode(errors="replace")
    finally:
        front.close()
    if answer.status != http.client.SEE_OTHER:
        raise Failed(f"The dashboard let nobody in: {answer.status} {said[:300]}; see {stack.log}.")

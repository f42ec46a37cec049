"""How `make dev` lets its user into the dashboard, on the deployed template."""

import httpx
import pytest

from local import first_user
from local.stack import Stack

pytestmark = pytest.mark.e2e


def test_the_sign_in_that_is_printed_works_and_stays_the_same(stack: Stack) -> None:
    address, email, password = first_user.sign_in(stack)
    origin = {"origin": stack.base_url, "sec-fetch-site": "same-origin"}
    fields = {"email": email, "password": password}
    signed = httpx.post(f"{address}/sign-in", data=fields, headers=origin, timeout=60)
    wrong = httpx.post(f"{address}/sign-in", data=fields | {"password": "x"}, headers=origin)
    stack.client("ssm").delete_parameter(Name=first_user.PASSWORD)

    assert signed.status_code == 303
    assert signed.headers["set-cookie"].startswith("__Host-orchard=org.usr_")
    assert wrong.status_code == 401
    again = first_user.sign_in(stack)
    assert again.password != password
    assert first_user.sign_in(stack) == again

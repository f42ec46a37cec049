"""Numbers as people type and read them: never another one than is meant."""

from decimal import Decimal

import pytest

from dashboard import forms, typed_values
from orchard.domain.users import Role
from orchard.errors import InvalidInputs
from tests.builders import a_customer, a_feature, a_grant
from tests.conftest import Call
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words

EDIT = "/dashboard/customers/user_1/features/messages/edit"


@pytest.mark.parametrize(
    "typed", ["1,5", "10,50", "0,500,00", "1,2,3", "1,200,5", ",5", "1.200,50"]
)
def test_a_comma_that_parts_no_thousands_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputs):
        forms.number(typed, "amount")
    with pytest.raises(InvalidInputs):
        typed_values.amount(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("1,200.5", "1200.5"), ("1 200", "1200"), ("1,234,567", "1234567"), ("250", "250")],
)
def test_thousands_may_be_parted(typed: str, meant: str) -> None:
    assert forms.number(typed, "amount") == typed_values.amount(typed) == Decimal(meant)


def test_what_is_overdrawn_is_exact(call: Call, signed: Sign) -> None:
    a_feature(call)
    a_customer(call)
    a_grant(call, 0.1)
    asked = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": -0.3}
    assert call("balances.update", asked).status == 200
    admin = signed(Role.ADMIN)

    form = admin.get(EDIT)
    told = words(admin.get("/dashboard/customers/user_1?tab=features"))

    assert 'name="seen" value="-0.2"' in form.text
    assert "0.2 over" in told
    assert "0.19999" not in told + form.text

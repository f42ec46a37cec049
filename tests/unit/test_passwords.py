from orchard.gateways import passwords


def test_a_password_is_kept_as_a_salted_digest_that_is_costly_to_try() -> None:
    stored, again = passwords.digest("correct horse"), passwords.digest("correct horse")

    assert stored != again
    assert stored.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert passwords.matches("correct horse", stored)
    assert not passwords.matches("correct horses", stored)
    assert not passwords.is_outdated(stored)


def test_nobody_has_a_password_and_a_broken_digest_fits_none() -> None:
    assert not passwords.matches("", None)
    assert not passwords.matches("correct horse", None)
    assert not passwords.matches("correct horse", "not a digest")


def test_a_digest_made_with_less_work_is_outdated() -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$FMAT9/a4Ixs"

    assert passwords.is_outdated(weak)

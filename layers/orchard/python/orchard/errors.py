"""What can go wrong, by kind. The HTTP status of a kind is known to `triggers.http` alone."""


class OrchardError(Exception):
    """An expected failure: `message` is a sentence for the caller, `code` a stable identifier."""

    code = "internal_error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class Invalid(OrchardError):
    """The request breaks a business rule."""

    code = "invalid_request"


class InvalidInputs(Invalid):
    """The request does not have the shape of the operation."""

    code = "invalid_inputs"


class Unauthorized(OrchardError):
    """The caller did not prove who it is."""

    code = "invalid_secret_key"


class Forbidden(OrchardError):
    """The caller is known and may not do this."""

    code = "insufficient_scopes"


class NotFound(OrchardError):
    """What the request names does not exist."""

    code = "not_found"


class Conflict(OrchardError):
    """The request contradicts the stored state."""

    code = "conflict"


class Locked(OrchardError):
    """Another request is changing the same thing right now."""

    code = "lock_already_exists"


class RateLimited(OrchardError):
    """Too many requests."""

    code = "rate_limit_exceeded"


class Unavailable(OrchardError):
    """A dependency is overloaded or down; the same request may succeed in a moment."""

    code = "service_unavailable"


class CustomerNotFound(NotFound):
    """No customer has this id."""

    code = "customer_not_found"

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"Customer {customer_id} not found")


class CustomerDeleting(Conflict):
    """The deletion of the customer has begun."""

    code = "customer_deleting"

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"Customer {customer_id} is being deleted and can't be changed any more")


class EntityNotFound(NotFound):
    """The customer has no entity with this id."""

    code = "entity_not_found"

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"Entity {entity_id} not found")


class InvoiceNotFound(NotFound):
    """No invoice has this id, or it has no such page."""

    code = "invoice_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such invoice")


class OfferNotFound(NotFound):
    """No offer has this id, or its time is over."""

    code = "checkout_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such checkout, or its time is over")


class OfferTaken(Conflict):
    """What was offered was confirmed, or paid, before."""

    code = "checkout_completed"

    def __init__(self) -> None:
        super().__init__("This was confirmed already")


class FeatureNotFound(NotFound):
    """The catalogue has no feature with this id."""

    code = "feature_not_found"

    def __init__(self, feature_id: str) -> None:
        super().__init__(f"Feature {feature_id} not found")


class PlanNotFound(NotFound):
    """The catalogue has no such plan, or not this version of it."""

    code = "product_not_found"

    def __init__(self, plan_id: str) -> None:
        super().__init__(f"Plan {plan_id} not found")


class InsufficientBalance(Invalid):
    """A track that may only succeed whole found too little balance."""

    code = "insufficient_balance"


class PaymentFailed(Invalid):
    """What had to be paid for first could not be; nothing was changed."""

    code = "payment_failed"


class DuplicateIdempotencyKey(Conflict):
    """The idempotency key was used by an earlier request."""

    code = "duplicate_idempotency_key"

    def __init__(self, key: str) -> None:
        super().__init__(f"Another request with idempotency key {key} has already been received")
        self.key = key


class NotSignedIn(Unauthorized):
    """An e-mail and a password that do not belong together; which of them is wrong is not said."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("E-mail or password is wrong")


class TooManyRequests(RateLimited):
    """It was tried too often to sign in; `retry_after` are the seconds until it may work again."""

    code = "too_many_sign_ins"

    def __init__(self, retry_after: int) -> None:
        minutes = -(-retry_after // 60)
        super().__init__(f"Too many attempts. Try again in {minutes} min")
        self.retry_after = retry_after


class InviteNotFound(NotFound):
    """No link has this secret, or its time is over, or it was used."""

    code = "invite_not_found"

    def __init__(self) -> None:
        super().__init__("This link was used already, or its time is over. Ask for a new one")


class UserNotFound(NotFound):
    """The organisation has no such user."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user")


class StripeFailed(Invalid):
    """Stripe refused what it was asked; the message is Stripe's, prefixed."""

    code = "stripe_error"

    def __init__(self, message: str) -> None:
        super().__init__(f"(Stripe Error) {message}")


class StripeMissing(StripeFailed):
    """Stripe has no object with this id."""


class StripeRateLimited(RateLimited):
    """Stripe answered 429."""

    code = "stripe_rate_limit_exceeded"

"""Rewards in the table, with the words that they are got by and who got them.

Whoever changes rewards holds a lock for as long as a function may run: it does things at Stripe in
between, and what it decided must still be true when it writes. A lock that a dead process left is
free after that; its late writes are refused, for they are conditional on the lock.

A reward that is redeemed is not locked: its word counts its uses, in the transaction that grants.
"""

from collections.abc import Iterable
from typing import Any

from orchard.domain.rewards import Code, Grant, Reward, Terms
from orchard.errors import Locked
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Check, ConditionFailed, Delete, Item, Put, Query, Update, Write

#: No function runs longer.
LEASE_MS = 30_000
_DAY_S = 86_400
_FREE = "attribute_not_exists(pk) OR #until <= :now OR holder = :holder"
_OURS = "holder = :holder"


def take(session: Session, holder: str) -> None:
    """Take the lock, or keep it. Errors: `Locked` while another request has it."""
    key = keys.rewards_lock(session.tenant)
    until = session.now + LEASE_MS
    item: Item = {
        "pk": key.pk,
        "sk": key.sk,
        "holder": holder,
        "until": until,
        "ttl": until // 1000 + _DAY_S,
    }
    values = {":now": session.now, ":holder": holder}
    try:
        session.table.put(Put(item, _FREE, values, {"#until": "until"}))
    except ConditionFailed:
        sentence = "Rewards are being changed by another request, try again in a few seconds"
        raise Locked(sentence) from None


def freed(session: Session, holder: str) -> Delete:
    """Let go of the lock; it fails, and what is written along with it, if it was lost."""
    return Delete(keys.rewards_lock(session.tenant), _OURS, {":holder": holder})


def every(session: Session) -> dict[str, Reward]:
    """Return all rewards by id, the oldest first, strongly consistent."""
    values = {":pk": keys.rewards(session.tenant), ":reward": keys.reward("", "").sk}
    found = session.table.query(Query("pk = :pk AND begins_with(sk, :reward)", values))
    by_age = sorted((_load(item) for item in found), key=lambda one: (one.created_at, one.id))
    return {one.id: one for one in by_age}


def find(session: Session, reward_id: str) -> Reward | None:
    """Return a reward, None when there is none with this id."""
    item = session.table.get(keys.reward(session.tenant, reward_id))
    return None if item is None else _load(item)


def stored(session: Session, before: Reward | None, after: Reward | None) -> list[Write]:
    """Return the writes that make a reward of another, or a new one, or (None) remove it.

    A word that stays keeps the count of its uses.
    """
    one = after or before
    if one is None:
        return []
    key = keys.reward(session.tenant, one.id)
    own: Write = (
        Delete(key, "attribute_exists(pk)") if after is None else Put(_item(session, after))
    )
    was = {code.spelled for code in before.codes} if before else set()
    now = {code.spelled: code for code in after.codes} if after else {}
    gone = (Delete(keys.reward_code(session.tenant, name)) for name in sorted(was - now.keys()))
    return [own, *(_word(session, one, code) for code in now.values()), *gone]


def redeemed(session: Session, reward: Reward, code: Code, internal_id: str) -> list[Write]:
    """Return the writes that let a customer have a reward: once, and no more than it may be got.

    The first fails for a customer that has it, the second for a word that is used up or gone, the
    third if the reward was changed since it was read.
    """
    mark = keys.redemption(session.tenant, internal_id, reward.id, reward.created_at)
    told = {"reward_id": reward.id, "code": code.code, "at": session.now}
    values: dict[str, Any] = {":one": 1, ":reward": reward.id, ":created": reward.created_at}
    condition = "reward_id = :reward AND created_at = :created"
    if code.uses is not None:
        values[":most"] = code.uses
        condition += " AND uses < :most"
    return [
        Put({"pk": mark.pk, "sk": mark.sk, **told}, "attribute_not_exists(pk)"),
        Update(
            keys.reward_code(session.tenant, code.spelled),
            "SET uses = uses + :one",
            values,
            condition,
        ),
        Check(
            keys.reward(session.tenant, reward.id),
            "revision = :revision AND created_at = :created",
            {":revision": reward.revision, ":created": reward.created_at},
        ),
    ]


def has_redeemed(session: Session, reward: Reward, internal_id: str) -> bool:
    """Whether a customer got a reward before."""
    mark = keys.redemption(session.tenant, internal_id, reward.id, reward.created_at)
    return session.table.get(mark) is not None


def spelled(session: Session, word: str) -> tuple[str, int] | None:
    """Return the reward that a word is for, and how often the word was used; None: unknown."""
    item = session.table.get(keys.reward_code(session.tenant, word.lower()))
    return None if item is None else (item["reward_id"], int(item["uses"]))


def _word(session: Session, reward: Reward, code: Code) -> Update:
    return Update(
        keys.reward_code(session.tenant, code.spelled),
        "SET reward_id = :reward, created_at = :created, uses = if_not_exists(uses, :none)",
        {":reward": reward.id, ":created": reward.created_at, ":none": 0},
    )


def _item(session: Session, reward: Reward) -> Item:
    key = keys.reward(session.tenant, reward.id)
    terms = reward.terms
    return {
        **reward._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "codes": _dumped(reward.codes),
        "grants": _dumped(reward.grants),
        "terms": None if terms is None else terms._asdict() | {"plan_ids": _listed(terms)},
    }


def _dumped(some: Iterable[Code | Grant]) -> list[Item]:
    return [one._asdict() for one in some]


def _listed(terms: Terms) -> list[str] | None:
    return None if terms.plan_ids is None else list(terms.plan_ids)


def _load(item: Item) -> Reward:
    terms = item["terms"]
    return Reward(
        id=item["id"],
        name=item["name"],
        created_at=int(item["created_at"]),
        codes=tuple(Code(**one | {"uses": _whole(one["uses"])}) for one in item["codes"]),
        terms=None if terms is None else _terms(terms),
        grants=tuple(Grant(**one | {"length": _whole(one["length"])}) for one in item["grants"]),
        revision=int(item["revision"]),
    )


def _terms(item: Item) -> Terms:
    plan_ids = item["plan_ids"]
    whole = {"length": _whole(item["length"])}
    return Terms(**item | whole | {"plan_ids": None if plan_ids is None else tuple(plan_ids)})


def _whole(number: Any) -> int | None:
    return None if number is None else int(number)

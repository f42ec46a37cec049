"""The keys of dashboard users, and of what belongs to them rather than to customers."""

from orchard.store.key_forms import (
    Key,
    inside,
    of_tenant,
    opened,
    part,
    single,
    under,
    within,
)
from orchard.store.keys import instant

#: An organisation's dashboard users, of all its environments: each, the links that invite one, how
#: many are owners; a user's session, by digest; whose an e-mail is; attempts to sign in, by digest.
users = of_tenant("USERS")
user, invite, owners = under(users, "USER"), under(users, "INVITE"), single(users, "OWNERS")
user_session = inside(within("SESSIONS"), "SESSION")
user_address, sign_ins = opened("USER"), opened("SIGNIN", "TRIES")
#: The saved views of an environment, all of them.
saved_views = single(of_tenant("VIEWS"), "VIEWS")
#: How all lines begin that tell what was done to users.
user_changes = single(users, "CHANGE#")


def user_change(organization: str, timestamp: int, change_id: str) -> Key:
    """What was done to a user, or to a link that invites one."""
    first = user_changes(organization)
    return Key(first.pk, f"{first.sk}{instant(timestamp)}#{change_id}")


#: Of an environment: the settings of the dashboard; requests for approval, that wait and decided.
dashboard_settings = single(of_tenant("SETTINGS"), "DASHBOARD")
approvals = of_tenant("APPROVALS")
waiting_approval, decided_approval = under(approvals, "WAITING"), under(approvals, "DECIDED")


def grants(tenant: str, user_id: str, internal_id: str, feature_id: str) -> Key:
    """What a user granted to a customer of late, of one feature."""
    return Key(within("GRANTS")(tenant, user_id), f"{part(internal_id)}#{part(feature_id)}")

"""The keys of dashboard users, and of what belongs to them rather than to customers."""

from orchard.store.key_forms import inside, of_tenant, opened, single, under, within

#: An organisation's dashboard users, of all its environments: each, the links that invite one, how
#: many are owners; a user's session, by digest; whose an e-mail is; attempts to sign in, by digest.
users = of_tenant("USERS")
user, invite, owners = under(users, "USER"), under(users, "INVITE"), single(users, "OWNERS")
user_session = inside(within("SESSIONS"), "SESSION")
user_address, sign_ins = opened("USER"), opened("SIGNIN", "TRIES")

"""The local administrator's password, for a deployment without a provider to log in at.

It is made here, not chosen: long enough to be worth no guessing, shown once, and stored as an argon2id hash.
"""

import secrets
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from leads_pipeline.settings import Settings
from leads_pipeline.store import logins, sessions
from leads_pipeline.store.database import SYSTEM, Database

NAME = "admin"
SOURCE = "password"
"""What a session says of where it comes from."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without the letters and digits that look like others."""
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's recommendation for one lane: 19 MiB and two passes. The four lanes of the library's default wait for each other
for seconds where processors are shared.
"""
_one_at_a_time = Lock()


def first_password(settings: Settings, database: Database) -> str | None:
    """Make the administrator's password where there is none yet, and return it: the only time that anybody sees it.

    None where there is one, or a provider to log in at.
    """
    if settings.oidc_issuer is not None:
        return None
    with database.transaction(SYSTEM) as transaction:
        if logins.password_hash(transaction, NAME) is not None:
            return None
    password = _new()
    hashed = _hash(password)
    with database.transaction(SYSTEM) as transaction:
        # Another process may have been faster; then its password is the one that was shown.
        return password if logins.save_first_password(transaction, NAME, hashed) else None


def reset_password(database: Database) -> str:
    """Make another password and return it. Whoever logged in by the old one is logged out."""
    password = _new()
    hashed = _hash(password)
    with database.transaction(SYSTEM) as transaction:
        logins.save_password(transaction, NAME, hashed)
        sessions.end_all(transaction, source=SOURCE)
    return password


def is_right(database: Database, password: str) -> bool:
    """Whether this is the administrator's password."""
    with database.transaction(SYSTEM) as transaction:
        hashed = logins.password_hash(transaction, NAME)
    if hashed is None:
        return False
    try:
        with _one_at_a_time:
            _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
    if _hasher.check_needs_rehash(hashed):
        fresh = _hash(password)
        with database.transaction(SYSTEM) as transaction:
            logins.save_password(transaction, NAME, fresh)
    return True


def _new() -> str:
    """Twenty characters, 99 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _hash(password: str) -> str:
    with _one_at_a_time:
        return _hasher.hash(password)

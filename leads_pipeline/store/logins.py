"""What logging in needs to remember, shared by all web processes: attempts, logins under way, the local password, keys."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction

ATTEMPTS_WITHIN = timedelta(minutes=15)
FLOW_LASTS = timedelta(minutes=10)

# --- Attempts ------------------------------------------------------------------------------------------------------


def count_attempt(transaction: Transaction, keys: Sequence[bytes]) -> list[tuple[int, timedelta]]:
    """Count one more attempt under each key; returns how many there were, this one too, and when counting begins anew.

    Counted before anything is tried, so that many at once cannot all be the first.
    """
    found: list[tuple[int, timedelta]] = []
    # In one order everywhere: two that count the same keys wait for each other, and never both.
    for key in sorted(keys):
        row = transaction.one(
            """INSERT INTO login_attempts AS a (key, attempts) VALUES (:key, 1)
               ON CONFLICT (key) DO UPDATE SET
                   attempts = CASE WHEN a.since < now() - :within THEN 1 ELSE a.attempts + 1 END,
                   since = CASE WHEN a.since < now() - :within THEN now() ELSE a.since END
               RETURNING attempts, since + :within - now() AS remaining""",
            key=key,
            within=ATTEMPTS_WITHIN,
        )
        found.append((row["attempts"], row["remaining"]))
    by_key = dict(zip(sorted(keys), found, strict=True))
    return [by_key[key] for key in keys]


def forget_attempts(transaction: Transaction, keys: Sequence[bytes]) -> None:
    """The login was good, so the attempts before it were a person's slips; old ones of others go along."""
    transaction.run(
        "DELETE FROM login_attempts WHERE key = ANY(:keys) OR since < now() - :within",
        keys=list(keys),
        within=ATTEMPTS_WITHIN,
    )


# --- Logins under way at a provider --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """A login that a browser has begun at a provider, and what is expected when it comes back."""

    nonce: str
    verifier: str
    redirect_uri: str
    next_page: str


def begin_flow(transaction: Transaction, flow: Flow, *, state: str, browser: str) -> None:
    transaction.run("DELETE FROM login_flows WHERE expires_at < now()")
    transaction.run(
        """INSERT INTO login_flows (state, browser, nonce, verifier, redirect_uri, next_page, expires_at)
           VALUES (:state, :browser, :nonce, :verifier, :redirect_uri, :next_page, now() + :lasts)""",
        state=_hash(state),
        browser=_hash(browser),
        nonce=flow.nonce,
        verifier=flow.verifier,
        redirect_uri=flow.redirect_uri,
        next_page=flow.next_page,
        lasts=FLOW_LASTS,
    )


def take_flow(transaction: Transaction, *, state: str, browser: str) -> Flow | None:
    """The login that this browser began with this state, once: None for another browser, a second time, or too late."""
    row = transaction.first(
        """DELETE FROM login_flows WHERE state = :state AND browser = :browser AND expires_at > now()
           RETURNING nonce, verifier, redirect_uri, next_page""",
        state=_hash(state),
        browser=_hash(browser),
    )
    return None if row is None else Flow(**row)


# --- The local password --------------------------------------------------------------------------------------------


def password_hash(transaction: Transaction, name: str) -> str | None:
    return transaction.value("SELECT hash FROM local_passwords WHERE name = :name", name=name)


def save_first_password(transaction: Transaction, name: str, password_hash: str) -> bool:
    """Store the first password of `name`; False when there is one already."""
    return bool(
        transaction.run(
            "INSERT INTO local_passwords (name, hash) VALUES (:name, :hash) ON CONFLICT (name) DO NOTHING",
            name=name,
            hash=password_hash,
        )
    )


def save_password(transaction: Transaction, name: str, password_hash: str) -> None:
    transaction.run(
        """INSERT INTO local_passwords (name, hash) VALUES (:name, :hash)
           ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, changed_at = now()""",
        name=name,
        hash=password_hash,
    )
    audit.record(transaction, "password.changed")


# --- Keys ----------------------------------------------------------------------------------------------------------


def deployment_key(transaction: Transaction, name: str) -> bytes:
    """A random key of this deployment, made when it is first asked for."""
    found = transaction.value("SELECT key FROM deployment_keys WHERE name = :name", name=name)
    if found is None:
        transaction.run(
            "INSERT INTO deployment_keys (name, key) VALUES (:name, :key) ON CONFLICT (name) DO NOTHING",
            name=name,
            key=secrets.token_bytes(32),
        )
        found = transaction.value("SELECT key FROM deployment_keys WHERE name = :name", name=name)
    return bytes(found)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

"""The audit trail: who did what to what, when and from where. Append-only, free of personal data, chained by seals.

`record` inserts an event into the transaction of what it tells of, so that neither is there without the other. `seal` gives
the events that have come since their places in a chain of hashes; `verify` follows the chain from its beginning.

The chain is not written inline, since every event would have to wait for the one before to commit.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from leads_pipeline.errors import RequestInvalid
from leads_pipeline.store.database import Planned, Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.types import Actor

Detail = str | int | float | bool | None | Sequence[str]
"""What an event may say beside its object: numbers, names of ours, ids; never a text that somebody wrote."""

BEGINNING: Final = bytes(32)
"""The hash before the first seal."""
LATE = timedelta(hours=1)
"""No transaction of ours is open for so long: an event that was sealed later was not written when it says."""
MOST_PROBLEMS = 20
MOST_AT_ONCE = 2_000
"""How many events are sealed in a transaction."""
NETWORK_BYTES = 16

_LOCK = 0x6C6561645345414C  # "leadSEAL"
_DETAIL_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DETAIL_TEXT = re.compile(r"[A-Za-z0-9_.:+-]{0,80}")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `seal` is its place in the chain, None until it has got one."""

    id: UUID
    organization_id: UUID | None
    happened_at: datetime
    actor_kind: str
    actor: str
    action: str
    object_kind: str | None
    object: str | None
    network: bytes | None
    details: Mapping[str, Any]
    seal: "Seal | None" = None

    def as_json(self) -> dict[str, Any]:
        """As it is shown and exported: `network` and hashes in hexadecimal, times in ISO 8601."""
        shown = {
            "id": str(self.id),
            "organization_id": None if self.organization_id is None else str(self.organization_id),
            "happened_at": _moment(self.happened_at),
            "actor": {"kind": self.actor_kind, "name": self.actor},
            "action": self.action,
            "object": None if self.object is None else {"kind": self.object_kind, "id": self.object},
            "network": None if self.network is None else bytes(self.network).hex(),
            "details": dict(self.details),
        }
        return shown | {"seal": None if self.seal is None else self.seal.as_json()}

    def as_line(self) -> str:
        """As it is exported: JSON on a line of its own."""
        return json.dumps(self.as_json(), separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class Seal:
    """A place in the chain. `hash` covers the event, the place and the hash before."""

    position: int
    sealed_at: datetime
    hash: bytes

    def as_json(self) -> dict[str, Any]:
        return {"position": self.position, "sealed_at": _moment(self.sealed_at), "hash": self.hash.hex()}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the chain and its hash, noted outside of the database: whatever was rewritten since, this tells."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Raises `RequestInvalid` for what no verification has printed."""
        position, _, digest = text.partition(":")
        if not position.isdecimal() or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise RequestInvalid("An anchor looks like 1234:0f3a...; `leads audit verify` prints the newest.")
        return cls(int(position), bytes.fromhex(digest))


@dataclass(slots=True)
class Verification:
    """What following the chain came to. `waiting` events have no seal yet, the oldest for `oldest_seconds`."""

    sealed: int = 0
    head: Anchor = field(default_factory=lambda: Anchor(0, BEGINNING))
    waiting: int = 0
    oldest_seconds: float = 0.0
    problems: list[str] = field(default_factory=list[str])

    @property
    def whole(self) -> bool:
        return not self.problems

    def found(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def record(
    transaction: Transaction,
    action: str,
    about: tuple[str, object] | None = None,
    *,
    organization: UUID | None = None,
    details: Mapping[str, Detail] | None = None,
    by: Actor | None = None,
) -> None:
    """Note that `action` (`upload.received`) was done to `about`, a kind and an id, by whoever this transaction acts for.

    The organization is the transaction's, unless it is the system's. `details` says no more than numbers, names of ours
    and ids: a text that somebody wrote may hold personal data, and raises `ValueError`.
    """
    actor = by or transaction.actor
    transaction.later(
        RECORD,
        id=new_id(),
        organization=transaction.scope if isinstance(transaction.scope, UUID) else organization,
        kind=actor.kind,
        actor=actor.name,
        action=action,
        object_kind=None if about is None else about[0],
        object=None if about is None else str(about[1]),
        network=actor.network,
        details=as_json(_checked(details or {})),
    )


RECORD: Final = Planned(
    """INSERT INTO audit_events (id, organization_id, actor_kind, actor, action, object_kind, object, network, details)
       VALUES (:id, :organization, :kind, :actor, :action, :object_kind, :object, :network, CAST(:details AS jsonb))"""
)


def events(
    transaction: Transaction,
    *,
    limit: int,
    before: UUID | None = None,
    organization: UUID | None = None,
    action: str | None = None,
) -> list[Event]:
    """The newest events that this transaction may see, newest first; `before` is the id of the last one on the page before.

    `action` may be its first part alone: `upload` for all that is done to uploads.
    """
    rows = transaction.all(
        f"""{_EVENTS}
            WHERE (CAST(:organization AS uuid) IS NULL OR e.organization_id = :organization)
              AND (CAST(:before AS uuid) IS NULL OR e.id < :before)
              AND (CAST(:action AS text) IS NULL OR e.action = :action OR starts_with(e.action, :action || '.'))
            ORDER BY e.id DESC LIMIT :limit""",
        organization=_only(transaction, organization),
        before=before,
        action=action,
        limit=limit,
    )
    return [_event(row) for row in rows]


def every_event(
    transaction: Transaction, *, organization: UUID | None = None, since: datetime | None = None
) -> Iterator[Event]:
    """All events that this transaction may see, oldest first, read through a cursor of the server's."""
    blocks = transaction.stream(
        f"""{_EVENTS}
            WHERE (CAST(:organization AS uuid) IS NULL OR e.organization_id = :organization)
              AND (CAST(:since AS timestamptz) IS NULL OR e.happened_at >= :since)
            ORDER BY e.id""",
        organization=_only(transaction, organization),
        since=since,
    )
    for block in blocks:
        for row in block:
            yield _event(dict(zip(_COLUMNS, row, strict=True)))


def counts(transaction: Transaction, since: datetime) -> Mapping[str, int]:
    """How often each action was done since then, most frequent first."""
    rows = transaction.all(
        """SELECT action, count(*) AS times FROM audit_events WHERE happened_at >= :since
           GROUP BY action ORDER BY times DESC, action""",
        since=since,
    )
    return {row["action"]: row["times"] for row in rows}


def seal(transaction: Transaction, *, most: int = MOST_AT_ONCE) -> int:
    """Chain up to `most` events that wait, in the order they happened; returns how many, 0 also if somebody else is at it."""
    if not transaction.value("SELECT pg_try_advisory_xact_lock(:lock)", lock=_LOCK):
        return 0
    rows = transaction.all(
        # Each looked up by itself: a join would read all events there are, for the handful that wait.
        f"""SELECT {_EVENT_COLUMNS} FROM audit_unsealed w
            CROSS JOIN LATERAL (SELECT * FROM audit_events WHERE id = w.event_id OFFSET 0) e
            ORDER BY e.happened_at, e.id LIMIT :most""",
        most=most,
    )
    if not rows:
        return 0
    head = transaction.one("SELECT position, hash, clock_timestamp() AS now FROM audit_head")
    position, previous = head["position"], bytes(head["hash"])
    seals: list[dict[str, Any]] = []
    for row in rows:
        position += 1
        previous = _hash(row, position, head["now"], previous)
        seals.append(
            {
                "position": position,
                "event_id": row["id"],
                "organization_id": row["organization_id"],
                "hash": previous.hex(),
            }
        )
    transaction.later(
        """INSERT INTO audit_seals (position, event_id, organization_id, sealed_at, hash)
           SELECT position, event_id, organization_id, :now, decode(hash, 'hex')
           FROM jsonb_to_recordset(CAST(:seals AS jsonb))
               AS s (position bigint, event_id uuid, organization_id uuid, hash text)""",
        seals=as_json(seals),
        now=head["now"],
    )
    transaction.later("UPDATE audit_head SET position = :position, hash = :hash", position=position, hash=previous)
    transaction.later(
        "DELETE FROM audit_unsealed WHERE event_id = ANY(CAST(:ids AS uuid[]))", ids=[row["id"] for row in rows]
    )
    return len(rows)


def verify(
    transaction: Transaction, anchor: Anchor | None = None, *, progress: Callable[[int, int], None] = lambda *_: None
) -> Verification:
    """Follow the chain from its beginning, and tell whatever does not fit. Wants the system's scope.

    `progress` is told how many events of how many were looked at, every few thousand.

    A changed byte, a missing, an inserted and a moved event break the chain at their place. Seals cut off at the end are
    missed by the head, and by an `anchor` if somebody rewrote the head as well.
    """
    result = Verification()
    # The head is read before the chain: what is sealed in the meantime lies beyond it.
    head = transaction.first("SELECT position, hash FROM audit_head") or {"position": 0, "hash": BEGINNING}
    previous, latest = BEGINNING, None
    anchored = anchor is None or anchor == Anchor(0, BEGINNING)
    blocks = transaction.stream(
        f"""SELECT {_EVENT_COLUMNS}, s.position, s.event_id, s.organization_id AS sealed_organization, s.sealed_at, s.hash
            FROM audit_seals s LEFT JOIN audit_events e ON e.id = s.event_id
            WHERE s.position <= :head ORDER BY s.position""",
        head=head["position"],
    )
    for block in blocks:
        for values in block:
            row: dict[str, Any] = dict(zip(_CHAINED, values, strict=True))
            result.sealed += 1
            position, found = row["position"], bytes(row["hash"])
            if position != result.head.position + 1:
                result.found(f"The seals from {result.head.position + 1:,} to {position - 1:,} are missing.")
            if (misfit := _misfit(row, previous, latest)) is not None:
                result.found(misfit)
            if anchor is not None and anchor.position == position:
                anchored = anchor.hash == found
            result.head = Anchor(position, found)
            previous = found
            if row["id"] is not None:
                latest = row["happened_at"] if latest is None else max(latest, row["happened_at"])
        progress(result.sealed, head["position"])
    if (result.head.position, result.head.hash) != (head["position"], bytes(head["hash"])):
        result.found(
            f"The chain ends at {result.head.position:,}, its head says {head['position']:,}: seals are missing."
        )
    if not anchored:
        result.found(f"The chain does not hold the anchor {anchor}: it was rewritten.")
    _look_at_the_tail(transaction, result)
    return result


def _misfit(row: Mapping[str, Any], previous: bytes, latest: datetime | None) -> str | None:
    """What is wrong with one seal and its event, if anything. `latest`: of the events that were sealed before."""
    place = f"sealed at {row['position']:,}"
    if row["id"] is None:
        return f"Event {row['event_id']}, {place}, is missing."
    if bytes(row["hash"]) != _hash(row, row["position"], row["sealed_at"], previous):
        return f"Event {row['id']}, {place}, or its seal was changed."
    if row["organization_id"] != row["sealed_organization"]:
        return f"Event {row['id']}, {place}, is of another organization than its seal."
    if latest is not None and row["happened_at"] < latest - LATE:
        return f"Event {row['id']}, {place}, was dated back."
    return None


def _look_at_the_tail(transaction: Transaction, result: Verification) -> None:
    tail = transaction.one(
        """SELECT count(e.id) AS waiting, count(*) - count(e.id) AS missing,
                  coalesce(extract(epoch FROM clock_timestamp() - min(e.happened_at)), 0)::float AS oldest
           FROM audit_unsealed w LEFT JOIN audit_events e ON e.id = w.event_id"""
    )
    result.waiting, result.oldest_seconds = tail["waiting"], tail["oldest"]
    if tail["missing"]:
        result.found(f"{tail['missing']:,} events that waited for their seals are missing.")
    slipped_in = transaction.all(
        """SELECT e.id FROM audit_events e LEFT JOIN audit_seals s ON s.event_id = e.id
           LEFT JOIN audit_unsealed w ON w.event_id = e.id
           WHERE s.event_id IS NULL AND w.event_id IS NULL ORDER BY e.id LIMIT :most""",
        most=MOST_PROBLEMS,
    )
    for row in slipped_in:
        result.found(f"Event {row['id']} is neither sealed nor waiting for it: it was slipped in.")


_FIELDS = (
    "id", "organization_id", "happened_at", "actor_kind", "actor", "action", "object_kind", "object", "network", "details"
)  # fmt: skip
_CHAINED = (*_FIELDS, "position", "event_id", "sealed_organization", "sealed_at", "hash")
_EVENT_COLUMNS = ", ".join(f"e.{name}" for name in _FIELDS)
_COLUMNS = (*_FIELDS, "position", "sealed_at", "hash")
_EVENTS = f"""SELECT {_EVENT_COLUMNS}, s.position, s.sealed_at, s.hash
              FROM audit_events e LEFT JOIN audit_seals s ON s.event_id = e.id"""


def _hash(row: Mapping[str, Any], position: int, sealed_at: datetime, previous: bytes) -> bytes:
    """SHA-256 of the hash before and the event with its place, as JSON with sorted names and no spaces."""
    event = {name: _plain(row[name]) for name in _FIELDS}
    event |= {"position": position, "sealed_at": _moment(sealed_at)}
    return hashlib.sha256(previous + json.dumps(event, sort_keys=True, separators=(",", ":")).encode()).digest()


def _plain(value: object) -> object:
    match value:
        case datetime():
            return _moment(value)
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case _:
            return value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _only(transaction: Transaction, organization: UUID | None) -> UUID | None:
    return transaction.scope if isinstance(transaction.scope, UUID) else organization


def _event(row: Mapping[str, Any]) -> Event:
    position = row["position"]
    return Event(
        **{name: row[name] for name in _FIELDS},
        seal=None if position is None else Seal(position, row["sealed_at"], bytes(row["hash"])),
    )


def _checked(details: Mapping[str, Detail]) -> Mapping[str, Detail]:
    for name, value in details.items():
        texts = [value] if isinstance(value, str) else value if isinstance(value, Sequence) else []
        if not _DETAIL_NAME.fullmatch(name) or not all(_DETAIL_TEXT.fullmatch(text) for text in texts):
            raise ValueError(f"the detail {name} of an audit event is neither a number nor a name of ours")
    return details

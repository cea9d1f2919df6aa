"""`Idempotency-Key` on POST: a request that comes twice is done once, and answered alike."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, StringConstraints

from leads_pipeline.api.services import Absent, Caller, Services
from leads_pipeline.store import idempotency
from leads_pipeline.store.database import Transaction
from leads_pipeline.store.idempotency import Answer

IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")] | Absent,
    Header(
        alias="Idempotency-Key",
        description="Any text of your own, new for each request; a repeated request gets the first one's answer.",
    ),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act answers."""

    body: BaseModel
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def once(
    shared: Services,
    caller: Caller,
    key: str | None,
    operation: str,
    request: BaseModel | None,
    act: Callable[[Transaction], Outcome],
) -> Response:
    """Run `act` in a transaction, unless this key's answer to the same request is known already."""
    told = b"" if key is None or request is None else request.model_dump_json().encode()
    fingerprint = hashlib.sha256(told).digest()
    known = reserve(shared, caller, key, operation)
    if known is not None:
        return replay(known, fingerprint)
    return act_once(shared, caller, key, fingerprint, act)


def reserve(shared: Services, caller: Caller, key: str | None, operation: str) -> Answer | None:
    """Take the key before the request is read; returns the answer that it has got already."""
    if key is None:
        return None
    with shared.database.transaction(caller.organization) as transaction:
        return idempotency.reserve(transaction, key, operation)


def release(shared: Services, caller: Caller, key: str | None) -> None:
    """Free the key of a request that failed."""
    if key is not None:
        with shared.database.transaction(caller.organization) as transaction:
            idempotency.release(transaction, key)


def act_once(
    shared: Services, caller: Caller, key: str | None, fingerprint: bytes, act: Callable[[Transaction], Outcome]
) -> Response:
    """Run `act`, and keep its answer under the reserved key in the same transaction."""
    try:
        with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
            outcome = act(transaction)
            body = outcome.body.model_dump_json()
            if key is not None:
                answer = Answer(fingerprint, outcome.status, outcome.headers, json.loads(body))
                idempotency.keep(transaction, key, answer)
    except BaseException:
        release(shared, caller, key)
        raise
    return Response(body, outcome.status, dict(outcome.headers), media_type="application/json")


def replay(known: Answer, fingerprint: bytes) -> Response:
    """The first answer again. Raises `RequestInvalid` when this is another request."""
    if known.fingerprint != fingerprint:
        raise idempotency.reused()
    return JSONResponse(known.body, known.status, {**known.headers, "Idempotency-Replayed": "true"})

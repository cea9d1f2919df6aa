"""Whether the system is alive, and whether it is ready for work. Needs no token."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from leads_pipeline.api.problems import PROBLEM
from leads_pipeline.api.services import Shared
from leads_pipeline.errors import LeadsError
from leads_pipeline.store import migrations

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/live")
def live() -> Health:
    """The web process answers."""
    return Health()


@router.get(
    "/ready",
    responses={503: {"description": "A problem object", "content": {"application/problem+json": {"schema": PROBLEM}}}},
)
def ready(shared: Shared) -> Health:
    """The database answers and has the tables that this code needs."""
    try:
        current = migrations.is_current(shared.database)
    except SQLAlchemyError as error:
        raise LeadsError(
            "The database does not answer.", code="database_unavailable", status=503, title="Not ready"
        ) from error
    if not current:
        raise LeadsError(
            "The database is not migrated: run `leads db upgrade`.",
            code="database_outdated",
            status=503,
            title="Not ready",
        )
    return Health()

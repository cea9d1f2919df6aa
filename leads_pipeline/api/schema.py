"""Routes on the organization's lead schema."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy.exc import IntegrityError

from leads_pipeline.api.lead_schema import current_schema, forget_schema
from leads_pipeline.api.models import SchemaMade, SchemaShown
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, IfMatch, SchemaWriter, Shared, UploadReader
from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.mapping import LeadSchema, default_schema
from leads_pipeline.store import organizations

router = APIRouter(prefix="/schema", tags=["schema"])


@router.get("", responses=problems(404))
def show(
    caller: UploadReader,
    shared: Shared,
    response: Response,
    version: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | Absent, Query(description="An older version; 0 is the default.")
    ] = None,
) -> SchemaShown:
    """The lead schema that this organization's files are mapped onto."""
    with shared.database.transaction(caller.organization) as transaction:
        if version is None:
            number, schema = current_schema(transaction)
        elif version == 0:
            number, schema = 0, default_schema()
        else:
            found = organizations.lead_schema(transaction, version)
            if found is None:
                raise NotFound(f"This organization's lead schema has no version {version}.")
            number, schema = found[0], LeadSchema.from_json(found[1])
    response.headers["ETag"] = f'"v{number}"'
    return SchemaShown(version=number, fields=schema.as_json()["fields"])


@router.put("", responses=problems(409, 412))
def replace(
    made: SchemaMade, caller: SchemaWriter, shared: Shared, if_match: IfMatch, response: Response
) -> SchemaShown:
    """Store a new version of the lead schema. Files that come from now on are mapped onto it; `remap` maps older ones."""
    schema = LeadSchema.from_json(made.model_dump(mode="json", exclude_none=True))
    try:
        with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
            before, _ = current_schema(transaction)
            if if_match is not None and if_match != before:
                raise StaleState(
                    f"The schema is at version {before} by now; read it again and decide anew.",
                    code="precondition_failed",
                    status=412,
                    title="The schema has changed",
                )
            number = organizations.save_lead_schema(transaction, schema.as_json(), after=before)
    except IntegrityError as error:
        raise StaleState("Somebody stored a version at the same moment; read it and try again.") from error
    forget_schema(caller.organization)
    response.headers["ETag"] = f'"v{number}"'
    return SchemaShown(version=number, fields=schema.as_json()["fields"])

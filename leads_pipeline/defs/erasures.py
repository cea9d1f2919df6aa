"""Erasure: what people asked to be forgotten is, within minutes, and every claim of it can be looked up."""

import dagster as dg

from leads_pipeline.defs.forgetting import erase_waiting
from leads_pipeline.defs.intake import EVERY_LOOK_SECONDS, ON_ITS_WAY
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import OWNERS, UPKEEP, plots
from leads_pipeline.errors import LeadsError
from leads_pipeline.store import erasures
from leads_pipeline.store.database import SYSTEM
from leads_pipeline.store.erasures import Erasure


@dg.asset(
    name="erasures",
    group_name=UPKEEP,
    owners=OWNERS,
    kinds={"postgres"},
    description=(
        "What people asked to be forgotten: a person, a file, an organization. A person is looked for in every file; what "
        "holds one loses its contents, names and examples, and models that learned from them are withdrawn and trained again "
        "without. Figures stay. Asked for by `leads erase` or `POST /api/v1/erasures`; each ends with a certificate in the "
        "audit trail, which says what was done and not about whom."
        + plots(
            done="erasures that are done, since ever",
            waiting="those that are not yet: should be 0 within minutes",
            erased="uploads that lost their contents by this run",
            not_looked_through="uploads whose contents this run could not read: should be 0; a certificate names them",
            not_fully_searched="uploads that this run kept, with pictures whose text is not read; a certificate names them",
        )
    ),
)
def erasures_done(context: dg.AssetExecutionContext, leads: Leads) -> dg.MaterializeResult:
    """Does what waits."""
    try:
        ended = erase_waiting(leads.database, leads.settings, context.run.run_id)
    except LeadsError as error:
        raise dg.Failure(error.detail) from error
    with leads.database.transaction(SYSTEM) as transaction:
        totals = erasures.totals(transaction)
    for erasure in ended:
        context.log.info("Erasure %s of a kind %s: %s.", erasure.id, erasure.kind, erasure.state)
    return dg.MaterializeResult(
        metadata={
            **totals,
            "uploads_looked_at": total(ended, "uploads"),
            "erased": total(ended, "erased"),
            "not_looked_through": total(ended, "not_looked_through"),
            "not_fully_searched": total(ended, "not_fully_searched"),
        }
    )


def total(ended: list[Erasure], name: str) -> int:
    """The sum of one figure over what was done, dry runs left out."""
    return sum(int(erasure.outcome.get(name, 0)) for erasure in ended if not erasure.dry_run)


erase = dg.define_asset_job(
    "erase",
    selection=[erasures_done],
    description="Does the erasures that wait. The sensor `erasures_asked_for` starts it; starting it by hand does no harm.",
    # A large deployment takes long to be looked through; an erasure that is killed goes on where it stopped.
    tags={"dagster/max_runtime": "86400"},
)


@dg.sensor(
    job=erase,
    minimum_interval_seconds=EVERY_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the erasures that were asked for by `POST /erasures`, and goes on with those of runs that died.",
)
def erasures_asked_for(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run when an erasure waits, or was left by a run that died, and none is starting."""
    with leads.database.transaction(SYSTEM) as transaction:
        waiting = erasures.waiting(transaction)
    if not waiting:
        return dg.SkipReason("Nothing waits to be erased.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=erase.name, statuses=ON_ITS_WAY)):
        return dg.SkipReason(f"{waiting} erasures wait; a run is starting.")
    return dg.RunRequest()

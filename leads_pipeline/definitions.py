"""Everything that Dagster loads: a table of contents."""

import dagster as dg

from leads_pipeline.defs.inbox import inbox_files
from leads_pipeline.defs.intake import (
    count_corrections,
    map_uploads,
    map_waiting_uploads,
    new_corrections,
    new_uploads,
    user_corrections,
)
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.upkeep import failed_runs


def build_definitions(*, leads: Leads | None = None) -> dg.Definitions:
    """The definitions; a test may pass a resource of its own."""
    return dg.Definitions(
        assets=[map_uploads, user_corrections],
        jobs=[map_waiting_uploads, count_corrections],
        sensors=[new_uploads, inbox_files, new_corrections, failed_runs],
        resources={"leads": leads or Leads()},
        # A run is a process already; another one for its single step would cost seconds and 140 MB.
        executor=dg.in_process_executor,
    )


definitions = build_definitions()

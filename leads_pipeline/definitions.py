"""Everything that Dagster loads: a table of contents."""

import dagster as dg

from leads_pipeline.defs.auditing import audit_schedule, audit_trail, chain_holds, verify_audit_trail
from leads_pipeline.defs.datasets import (
    generate_training_dataset,
    no_personal_data,
    refresh_schedule,
    requested_datasets,
    training_datasets,
)
from leads_pipeline.defs.erasures import erase, erasures_asked_for, erasures_done
from leads_pipeline.defs.examples import make_training_examples, reviewed_uploads, training_examples
from leads_pipeline.defs.fine_tuning import (
    check_language_model,
    fine_tune,
    fine_tuning_jobs,
    language_model,
    language_model_schedule,
    language_model_stays,
)
from leads_pipeline.defs.inbox import inbox_files
from leads_pipeline.defs.intake import (
    count_corrections,
    map_uploads,
    map_waiting_uploads,
    new_corrections,
    new_uploads,
    user_corrections,
)
from leads_pipeline.defs.learning import (
    corrections_acted,
    corrections_to_learn,
    mapping_models,
    requested_models,
    retrain_mapping_model,
    training_schedule,
)
from leads_pipeline.defs.performance import (
    measure_model_performance,
    model_performance,
    performance_schedule,
    performance_targets,
    reviews_to_measure,
)
from leads_pipeline.defs.recommendations import recommendations
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.retention import apply_retention, expired_contents, retention_schedule
from leads_pipeline.defs.trials import judge_model_trials, model_trials, trials_to_judge
from leads_pipeline.defs.upkeep import abandoned_contents, failed_runs
from leads_pipeline.defs.weekly import summary_schedule, weekly_summary, write_weekly_summary
from leads_pipeline.settings import Settings


def build_definitions(*, leads: Leads | None = None, settings: Settings | None = None) -> dg.Definitions:
    """The definitions; a test may pass a resource and settings of its own. When schedules run is a setting."""
    settings = settings or Settings()  # pyright: ignore[reportCallIssue] - it reads the environment
    return dg.Definitions(
        assets=[
            map_uploads,
            user_corrections,
            training_examples,
            training_datasets,
            model_performance,
            recommendations,
            weekly_summary,
            language_model,
            audit_trail,
            expired_contents,
            erasures_done,
            mapping_models,
            model_trials,
        ],
        asset_checks=[no_personal_data, performance_targets, language_model_stays, corrections_acted, chain_holds],
        jobs=[
            map_waiting_uploads,
            count_corrections,
            make_training_examples,
            generate_training_dataset,
            measure_model_performance,
            write_weekly_summary,
            fine_tune,
            check_language_model,
            verify_audit_trail,
            apply_retention,
            erase,
            retrain_mapping_model,
            judge_model_trials,
        ],
        sensors=[
            new_uploads,
            inbox_files,
            new_corrections,
            reviewed_uploads,
            requested_datasets,
            requested_models,
            reviews_to_measure,
            corrections_to_learn,
            trials_to_judge,
            failed_runs,
            fine_tuning_jobs,
            abandoned_contents,
            erasures_asked_for,
        ],
        schedules=[
            refresh_schedule(settings),
            performance_schedule(settings),
            summary_schedule(settings),
            language_model_schedule(settings),
            audit_schedule(settings),
            retention_schedule(settings),
            training_schedule(settings),
        ],
        resources={"leads": leads or Leads()},
        # A run is a process already; another one for its single step would cost seconds and 140 MB.
        executor=dg.in_process_executor,
    )


definitions = build_definitions()

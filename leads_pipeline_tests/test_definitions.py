"""What Dagster shows: the whole graph of assets, and that everything runs by default."""

import dagster as dg

from leads_pipeline.definitions import definitions
from leads_pipeline.defs.shelves import GROUPS


def test_the_asset_graph_is_as_described() -> None:
    graph = definitions.resolve_asset_graph()
    shown = {
        key.to_user_string(): (
            graph.get(key).group_name,
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            sorted(graph.get(key).owners),
            sorted(kind for kind in graph.get(key).kinds),
        )
        for key in graph.get_all_asset_keys()
    }
    assert shown == {
        "file_uploads": ("Intake", [], ["team:revops"], ["excel", "postgres"]),
        "field_mappings": ("Mapping", ["file_uploads"], ["team:revops"], ["postgres", "python"]),
        "leads": ("Mapping", ["field_mappings"], ["team:revops"], ["csv", "postgres"]),
        "user_corrections": ("Learning", ["field_mappings"], ["team:revops"], ["postgres"]),
        "training_examples": (
            "Learning",
            ["field_mappings", "user_corrections"],
            ["team:revops"],
            ["postgres", "python"],
        ),
        "training_datasets": ("Learning", ["training_examples"], ["team:revops"], ["parquet", "postgres"]),
        "mapping_models": ("Learning", ["training_datasets"], ["team:revops"], ["numpy", "postgres"]),
        "model_trials": (
            "Learning",
            ["mapping_models", "user_corrections"],
            ["team:revops"],
            ["postgres", "python"],
        ),
        "model_performance": (
            "Insight",
            ["field_mappings", "mapping_models", "user_corrections"],
            ["team:revops"],
            ["pandas", "postgres"],
        ),
        "language_model": ("Mapping", [], ["team:revops"], ["openai"]),
        "recommendations": ("Insight", ["model_performance"], ["team:revops"], ["postgres", "python"]),
        "weekly_summary": (
            "Insight",
            ["model_performance", "recommendations"],
            ["team:revops"],
            ["markdown", "postgres"],
        ),
        "expired_contents": ("Upkeep", ["training_examples"], ["team:revops"], ["postgres"]),
        "erasures": ("Upkeep", [], ["team:revops"], ["postgres"]),
        "audit_trail": ("Upkeep", [], ["team:revops"], ["postgres"]),
    }


def test_every_asset_lies_in_a_group_of_the_product() -> None:
    graph = definitions.resolve_asset_graph()
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} <= set(GROUPS)


def test_every_asset_tells_the_person_who_opens_it_what_it_is() -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        description = graph.get(key).description or ""
        assert len(description) > 100, key
        # The catalogue shows the beginning without rendering any Markdown, as much as there is room for.
        assert description[0].isupper()
        assert "![" not in description[:90], key


def test_every_sensor_and_schedule_runs_without_being_switched_on() -> None:
    repository = definitions.get_repository_def()
    assert {sensor.name: sensor.default_status for sensor in repository.sensor_defs} == dict.fromkeys(
        [
            "abandoned_contents",
            "corrections_to_learn",
            "dataset_requests",
            "erasures_asked_for",
            "failed_runs",
            "fine_tuning_jobs",
            "inbox_files",
            "model_requests",
            "new_corrections",
            "new_uploads",
            "reviewed_uploads",
            "reviews_to_measure",
            "trials_to_judge",
        ],
        dg.DefaultSensorStatus.RUNNING,
    )
    assert {schedule.name: schedule.default_status for schedule in repository.schedule_defs} == dict.fromkeys(
        [
            "apply_retention_daily",
            "check_language_model_daily",
            "measure_performance_daily",
            "refresh_training_dataset",
            "summarize_week",
            "train_weekly",
            "verify_audit_trail_daily",
        ],
        dg.DefaultScheduleStatus.RUNNING,
    )


def test_every_job_sensor_and_schedule_says_what_it_does() -> None:
    repository = definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    for each in (*jobs, *repository.sensor_defs, *repository.schedule_defs):
        assert len(each.description or "") > 20, each.name


def test_a_launchpad_tells_what_each_parameter_means_its_bounds_and_what_it_is_if_left_out() -> None:
    told = {
        (node.name, name): field.description or ""
        for job in definitions.get_repository_def().get_all_jobs()
        for node in job.all_node_defs
        if isinstance(node, dg.OpDefinition)
        for name, field in getattr(node.config_schema.config_type, "fields", {}).items()
    }
    assert all("eft out:" in description for description in told.values()), told
    assert told["expired_contents", "dry_run"] == "Show what would be deleted, and delete nothing. Left out: true."
    assert told["expired_contents", "most"].endswith("At least 1, at most 1,000,000. Left out: 100,000.")
    assert told["training_datasets", "unreviewed_weight"].endswith("More than 0, at most 1. Left out: 0.3.")
    assert told["training_datasets", "min_confidence"].endswith(
        "At least 0, at most 100. Left out: MIN_CONFIDENCE_THRESHOLD."
    )


def test_the_definitions_load() -> None:
    dg.Definitions.validate_loadable(definitions)

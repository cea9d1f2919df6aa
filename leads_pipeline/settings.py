"""Every environment variable that the system reads, typed, with its default and meaning. Nothing else reads `os.environ`.

`Settings()` reads the environment once, when it is made; pass the object on. README's table of settings is checked
against this file by a test.
"""

import base64
import binascii
import os
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from leads_pipeline.errors import SetupProblem

CHECKOUT = Path(__file__).resolve().parent.parent
"""Where the repository, or the installed package, lies."""

Percent = Annotated[float, Field(ge=0, le=100)]


def _names(value: object) -> object:
    return frozenset(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_names)]
"""A list that is written with commas."""


def _home() -> Path:
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / ".leads"


class Settings(BaseSettings):
    """The settings of one process. A variable that is set but empty counts as not set."""

    # A setting that is wrong may be a secret that was mistyped: errors do not quote it.
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    # The database
    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 14 or newer, `postgres://user:password@host/name`. Unset: an embedded server in `LEADS_HOME`.",
    )
    home: Path = Field(
        default_factory=_home,
        validation_alias="LEADS_HOME",
        description="Where this deployment keeps its files: embedded PostgreSQL, Dagster's logs, downloads in progress.",
    )
    database_pool: int = Field(
        4,
        ge=1,
        le=50,
        validation_alias="LEADS_DATABASE_POOL",
        description="Connections that one process keeps open at most.",
    )

    # The web process
    port: int = Field(
        8000, ge=1, le=65535, validation_alias="PORT", description="The port that the web process listens on."
    )
    host: str = Field(
        "127.0.0.1",
        validation_alias="LEADS_HOST",
        description="The address that the web process listens on; `0.0.0.0` for all.",
    )
    behind_proxy: bool = Field(
        False,
        validation_alias="LEADS_BEHIND_PROXY",
        description="Whether a proxy in front tells the caller's address and scheme, as Heroku's router does.",
    )
    body_timeout_seconds: float = Field(
        30, gt=0, validation_alias="LEADS_BODY_TIMEOUT_SECONDS", description="How long a request body may stay silent."
    )
    log_level: str = Field(
        "INFO", validation_alias="LEADS_LOG_LEVEL", description="Least severe log lines that are written."
    )

    # Who may log in
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+$",
        validation_alias="LEADS_PUBLIC_URL",
        description="Where browsers find this deployment, such as `https://leads.example.com`. Unset: as each request says.",
    )
    oidc_issuer: str | None = Field(
        None,
        validation_alias="LEADS_OIDC_ISSUER",
        description="The OpenID Connect provider, such as `https://acme.my.salesforce.com`. Unset: a local password.",
    )
    oidc_client_id: str | None = Field(
        None, validation_alias="LEADS_OIDC_CLIENT_ID", description="What the provider calls this deployment."
    )
    oidc_client_secret: SecretStr | None = Field(
        None,
        validation_alias="LEADS_OIDC_CLIENT_SECRET",
        description="The secret that the provider gave out with the client id.",
    )
    oidc_admins: Names = Field(
        frozenset(),
        validation_alias="LEADS_OIDC_ADMINS",
        description="Administrators: e-mail addresses, or names in the groups claim, separated by commas.",
    )
    oidc_viewers: Names = Field(
        frozenset(),
        validation_alias="LEADS_OIDC_VIEWERS",
        description="Who may see the dashboard and change nothing, named likewise.",
    )
    oidc_groups_claim: str = Field(
        "custom_permissions",
        validation_alias="LEADS_OIDC_GROUPS_CLAIM",
        description="The claim that names a person's permissions or groups; `a.b` for a claim within another.",
    )
    oidc_salesforce_organizations: Names = Field(
        frozenset(),
        validation_alias="LEADS_OIDC_SALESFORCE_ORGANIZATIONS",
        description="Ids of the Salesforce organizations whose people may be administrators or viewers, separated by commas.",
    )
    session_hours: float = Field(
        12,
        gt=0,
        le=720,
        validation_alias="LEADS_SESSION_HOURS",
        description="How long a login lasts, whatever happens.",
    )
    session_idle_minutes: float = Field(
        120,
        gt=0,
        validation_alias="LEADS_SESSION_IDLE_MINUTES",
        description="How long an unused login lasts.",
    )

    # Mapping
    auto_apply_threshold: Percent = Field(
        70,
        validation_alias="AUTO_APPLY_THRESHOLD",
        description="Confidence, in percent, from which a mapping is applied without a person.",
    )

    # A language model, for columns that stay open
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias="OPENAI_API_KEY",
        description="Asks a language model about columns below the threshold. Unset: none is asked.",
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias="OPENAI_BASE_URL",
        description="A server that speaks OpenAI's protocol. Unset: OpenAI's own.",
    )
    llm_endpoint: Literal["auto", "decisions", "responses"] = Field(
        "auto",
        validation_alias="LEADS_LLM_ENDPOINT",
        description="Which API is called: `decisions`, `responses`, or the first where the server has it (`auto`).",
    )
    llm_decisions_model: str = Field(
        "gpt-6-luna", validation_alias="LEADS_LLM_DECISIONS_MODEL", description="The model for the Decisions API."
    )
    llm_responses_model: str = Field(
        "gpt-6-luna", validation_alias="LEADS_LLM_RESPONSES_MODEL", description="The model for the Responses API."
    )
    llm_threshold: Percent | None = Field(
        None,
        validation_alias="LEADS_LLM_THRESHOLD",
        description="Confidence, in percent, below which the model is asked. Unset: whatever is not applied without a person.",
    )
    llm_monthly_budget_usd: float | None = Field(
        None,
        ge=0,
        validation_alias="LEADS_LLM_MONTHLY_BUDGET_USD",
        description="What it may cost an organization in a calendar month (UTC). Unset: no limit; 0: it is not asked.",
    )
    llm_prices: dict[str, tuple[Decimal, Decimal, Decimal]] | None = Field(
        None,
        validation_alias="LEADS_LLM_PRICES",
        description="Your own prices in US dollars for a million tokens, as JSON: "
        '`{"model": [input, cached input, output]}`.',
    )
    llm_timeout_seconds: float = Field(
        20,
        gt=0,
        le=300,
        validation_alias="LEADS_LLM_TIMEOUT_SECONDS",
        description="How long the language model may take for a file, repeated calls included.",
    )
    llm_retries: int = Field(
        2, ge=0, le=10, validation_alias="LEADS_LLM_RETRIES", description="How often a call that failed is repeated."
    )
    llm_calls: int = Field(
        4, ge=1, le=64, validation_alias="LEADS_LLM_CALLS", description="Calls that one drain makes at the same time."
    )

    fine_tuning_model: str | None = Field(
        None,
        validation_alias="LEADS_FINE_TUNING_MODEL",
        description="A model of that server that `leads fine-tune` may train on a dataset. Unset: none.",
    )

    # How long files are kept
    training_data_retention_days: int = Field(
        90,
        ge=0,
        le=36_500,
        validation_alias="TRAINING_DATA_RETENTION_DAYS",
        description="Days after which a file's contents are deleted; its facts stay. 0: once it was reviewed.",
    )

    # Learning
    min_confidence_threshold: Percent = Field(
        70,
        validation_alias="MIN_CONFIDENCE_THRESHOLD",
        description="Confidence, in percent, from which a mapping that nobody reviewed may be learned from, at a low weight.",
    )
    category_organizations: int = Field(
        3,
        ge=2,
        le=1000,
        validation_alias="LEADS_CATEGORY_ORGANIZATIONS",
        description='Organizations that must use a category ("Sonderposten") before examples may quote it.',
    )
    audit_share: float = Field(
        0.02,
        ge=0,
        le=1,
        validation_alias="LEADS_AUDIT_SHARE",
        description="Share of the files, drawn at random, that people are asked to review as a whole. 0: none.",
    )
    seconds_target: float = Field(
        30,
        gt=0,
        validation_alias="LEADS_SECONDS_TARGET",
        description="Within how many seconds of its arrival a file should be mapped.",
    )
    timezone: str = Field(
        "UTC", validation_alias="LEADS_TIMEZONE", description="The time zone that schedules run in, `Europe/Berlin`."
    )
    dataset_schedule: str = Field(
        "30 2 * * *",
        validation_alias="LEADS_DATASET_SCHEDULE",
        description="When the shared training dataset is built anew if there is something new, as cron.",
    )
    summary_schedule: str = Field(
        "0 6 * * 1",
        validation_alias="LEADS_SUMMARY_SCHEDULE",
        description="When the summary of the week before (UTC, from Monday) is written, as cron.",
    )
    training_schedule: str = Field(
        "45 2 * * 1",
        validation_alias="LEADS_TRAINING_SCHEDULE",
        description="When a new model is trained if there is something new, as cron.",
    )
    training_corrections: int = Field(
        50,
        ge=1,
        validation_alias="LEADS_TRAINING_CORRECTIONS",
        description="So many new corrections in a dataset have a model trained without waiting for the schedule.",
    )
    trial_share: float = Field(
        0.1,
        ge=0,
        le=0.5,
        validation_alias="LEADS_TRIAL_SHARE",
        description="The share of layouts that a model on trial maps for real; it is asked about all of them.",
    )
    performance_schedule: str = Field(
        "15 3 * * *",
        validation_alias="LEADS_PERFORMANCE_SCHEDULE",
        description="When performance is measured each day, and recommendations are made, as cron.",
    )

    # Intake
    inbox: str | None = Field(
        None,
        validation_alias="LEADS_INBOX",
        description="A directory or fsspec URL to take files in from; one subfolder for each organization.",
    )
    drain_linger_seconds: float = Field(
        20,
        ge=0,
        validation_alias="LEADS_DRAIN_LINGER_SECONDS",
        description="How long an idle drain waits for more uploads.",
    )
    drain_max_seconds: float = Field(
        600,
        gt=0,
        validation_alias="LEADS_DRAIN_MAX_SECONDS",
        description="How long one drain works before it makes room for the next.",
    )
    readers: int = Field(
        2,
        ge=1,
        le=64,
        validation_alias="LEADS_READERS",
        description="Spreadsheets that one drain reads at the same time.",
    )

    # What is kept of files
    contents_url: str | None = Field(
        None,
        validation_alias="LEADS_CONTENTS_URL",
        description="Where the bytes of files are kept, an fsspec URL like `s3://bucket/folder`. Unset: in PostgreSQL. Of "
        "several, separated by commas, the first takes what is new; `postgresql` may be one.",
    )
    contents_keys: SecretStr | None = Field(
        None,
        validation_alias="LEADS_CONTENTS_KEYS",
        description="Keys that the bytes of files are encrypted under, `id:key,id:key`; the first is for new files, "
        "`leads contents new-key` makes one. Unset: they are not encrypted.",
    )

    # Limits on callers
    rate_limit: float = Field(
        300, gt=0, validation_alias="LEADS_RATE_LIMIT", description="Requests a second that a token may make for long."
    )
    rate_burst: int = Field(
        600, ge=1, validation_alias="LEADS_RATE_BURST", description="Requests that a token may make at once."
    )
    max_daily_uploads: int | None = Field(
        None,
        ge=0,
        validation_alias="LEADS_MAX_DAILY_UPLOADS",
        description="Files that an organization may send in a day (UTC). Unset: no limit.",
    )
    max_storage_bytes: int | None = Field(
        None,
        ge=0,
        validation_alias="LEADS_MAX_STORAGE_BYTES",
        description="Bytes of files that an organization may keep. Unset: no limit.",
    )

    # Limits on files
    max_csv_bytes: int = Field(
        300 * 2**20, gt=0, validation_alias="LEADS_MAX_CSV_BYTES", description="Largest text table, in bytes."
    )
    max_workbook_bytes: int = Field(
        20 * 2**20, gt=0, validation_alias="LEADS_MAX_WORKBOOK_BYTES", description="Largest workbook, in bytes."
    )
    max_rows: int = Field(
        1_000_000, gt=0, validation_alias="LEADS_MAX_ROWS", description="Most rows of a workbook's sheet."
    )
    max_columns: int = Field(512, gt=0, validation_alias="LEADS_MAX_COLUMNS", description="Most columns of a sheet.")
    max_workbook_cells: int = Field(
        5_000_000, gt=0, validation_alias="LEADS_MAX_WORKBOOK_CELLS", description="Most non-empty cells of a workbook."
    )
    max_csv_cells: int = Field(
        25_000_000, gt=0, validation_alias="LEADS_MAX_CSV_CELLS", description="Most cells of a text table."
    )
    max_cell_characters: int = Field(
        32_767, gt=0, validation_alias="LEADS_MAX_CELL_CHARACTERS", description="Longest cell, in characters."
    )
    max_archive_entries: int = Field(
        1_000, gt=0, validation_alias="LEADS_MAX_ARCHIVE_ENTRIES", description="Most entries of a workbook's archive."
    )
    max_unpacked_bytes: int = Field(
        256 * 2**20,
        gt=0,
        validation_alias="LEADS_MAX_UNPACKED_BYTES",
        description="Most bytes that a workbook unpacks to.",
    )
    max_archive_ratio: int = Field(
        200,
        gt=1,
        validation_alias="LEADS_MAX_ARCHIVE_RATIO",
        description="Highest compression of an archive entry over 1 MiB.",
    )
    reader_memory_bytes: int = Field(
        1536 * 2**20,
        gt=0,
        validation_alias="LEADS_READER_MEMORY_BYTES",
        description="Address space of a reading child process.",
    )
    reader_cpu_seconds: int = Field(
        20, gt=0, validation_alias="LEADS_READER_CPU_SECONDS", description="CPU time for reading a workbook."
    )
    reader_wall_seconds: int = Field(
        30, gt=0, validation_alias="LEADS_READER_WALL_SECONDS", description="Time for reading a workbook."
    )
    csv_cpu_seconds: int = Field(
        120, gt=0, validation_alias="LEADS_CSV_CPU_SECONDS", description="CPU time for reading a text table."
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("openai_base_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError("it begins with https:// or http://, like https://api.openai.com/v1")
        return url

    @field_validator("contents_keys")
    @classmethod
    def _are_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            contents_keys(keys.get_secret_value())
        return keys

    def file_limits(self) -> dict[str, int]:
        """The limits on files, by the names of `spreadsheets.Limits`."""
        limits = ("max_csv_bytes", "max_workbook_bytes", "max_rows", "max_columns", "max_workbook_cells", "max_csv_cells",
                  "max_cell_characters", "max_archive_entries", "max_unpacked_bytes", "max_archive_ratio",
                  "reader_memory_bytes", "reader_cpu_seconds", "reader_wall_seconds", "csv_cpu_seconds")  # fmt: skip
        return {name: getattr(self, name) for name in limits}

    def external_database(self) -> URL | None:
        """The URL in `DATABASE_URL`, with our driver named; None when the embedded server is to be used.

        `postgres://`, `postgresql://` and `postgresql+psycopg2://` are all understood; host, `sslmode` and further
        options are kept. Raises `SetupProblem` for anything else.
        """
        if self.database_url is None:
            return None
        text = self.database_url.get_secret_value()
        if text.startswith("postgres://"):
            text = "postgresql://" + text.removeprefix("postgres://")
        try:
            url = make_url(text)
        except ArgumentError as error:
            raise SetupProblem("DATABASE_URL is no URL; it looks like postgres://user:password@host/name.") from error
        if url.get_backend_name() != "postgresql":
            raise SetupProblem(f"DATABASE_URL names {url.get_backend_name()}; only PostgreSQL is supported.")
        return url.set(drivername="postgresql+psycopg2")


def contents_keys(text: str) -> dict[str, bytes]:
    """The keys of `LEADS_CONTENTS_KEYS` by their ids, in order. Raises `ValueError` for what is none; quotes no key."""
    keys: dict[str, bytes] = {}
    for entry in (part.strip() for part in text.split(",") if part.strip()):
        name, _, encoded = entry.partition(":")
        if not re.fullmatch(r"[\w.-]{1,64}", name, re.ASCII) or not encoded:
            raise ValueError("each key is written id:key, as `leads contents new-key` prints it")
        if name in keys:
            raise ValueError(f"two keys have the id {name}")
        try:
            keys[name] = base64.b64decode(encoded, altchars=b"-_" if set(encoded) & set("-_") else None, validate=True)
        except binascii.Error:
            keys[name] = b""
        if len(keys[name]) != 32:
            raise ValueError(f"the key {name} is not 32 bytes in base64; `leads contents new-key` makes one")
    return keys


def dagster_url(database: URL) -> URL:
    """The same database for Dagster's storage, which keeps to its own schema: its `alembic_version` would clash with ours."""
    given = database.query.get("options", ())
    options = [*([given] if isinstance(given, str) else given), "-csearch_path=dagster"]
    return database.update_query_dict({"options": " ".join(options)})


def dagster_environment(settings: Settings, database: URL, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that speaks Dagster: what `dagster.yaml` reads, and where it lies."""
    return {
        **(os.environ if base is None else base),
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "LEADS_DAGSTER_DATABASE_URL": dagster_url(database).render_as_string(hide_password=False),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def child_environment(settings: Settings, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process of ours that is to work on the same deployment, whatever made `settings`."""
    ours = {"LEADS_HOME": str(settings.home), "LEADS_HOST": settings.host, "PORT": str(settings.port)}
    if settings.database_url is not None:
        ours["DATABASE_URL"] = settings.database_url.get_secret_value()
    return {**os.environ, **ours, **(extra or {})}

"""Settings: what a database URL may look like, and what Dagster is told of it."""

import pytest
from sqlalchemy.engine import make_url

from leads_pipeline.errors import SetupProblem
from leads_pipeline.settings import Settings, dagster_url


@pytest.mark.parametrize(
    "given",
    [
        "postgres://u:p%2Fw%401@h:5433/d?sslmode=require",
        "postgresql://u:p%2Fw%401@h:5433/d?sslmode=require",
        "postgresql+psycopg2://u:p%2Fw%401@h:5433/d?sslmode=require",
    ],
)
def test_every_form_of_a_url_is_understood_and_nothing_of_it_lost(given: str) -> None:
    url = Settings(DATABASE_URL=given).external_database()  # pyright: ignore[reportCallIssue]
    assert url is not None
    assert (url.drivername, url.password, url.host, url.port) == ("postgresql+psycopg2", "p/w@1", "h", 5433)
    assert url.query == {"sslmode": "require"}


def test_dagster_keeps_to_its_schema_and_leaves_other_options_alone() -> None:
    url = dagster_url(make_url("postgresql+psycopg2://u:p@h/d?options=-cstatement_timeout%3D5000&sslmode=require"))
    assert url.query["options"] == "-cstatement_timeout=5000 -csearch_path=dagster"
    assert url.query["sslmode"] == "require"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert Settings().external_database() is None  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("given", ["nonsense", "mysql://u:p@h/d", "sqlite:///file"])
def test_what_is_no_postgresql_is_refused_in_a_sentence(given: str) -> None:
    with pytest.raises(SetupProblem):
        Settings(DATABASE_URL=given).external_database()  # pyright: ignore[reportCallIssue]

"""A real PostgreSQL, the embedded one, for every test that needs a database: one a session, an organization a test."""

import os
from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from leads_pipeline.store import embedded, migrations, organizations
from leads_pipeline.store.database import SYSTEM, Database, connect
from leads_pipeline.store.ids import new_id

for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
    # No test asks anybody's language model; those that ask one start their own.
    os.environ.pop(_name, None)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The home of a deployment, with its server running."""
    home = tmp_path_factory.mktemp("home")
    with embedded.server(home):
        yield home
    embedded.wipe(home)


@pytest.fixture(scope="session")
def database_url(home: Path) -> URL:
    url = embedded.running(home)
    assert url is not None
    return url


@pytest.fixture(scope="session")
def database(database_url: URL) -> Generator[Database]:
    """A migrated database."""
    with connect(database_url) as database:
        migrations.upgrade(database)
        yield database


@pytest.fixture
def organization(database: Database) -> UUID:
    """A new organization, so that a test sees its own rows alone."""
    return new_organization(database)


@pytest.fixture
def other_organization(database: Database) -> UUID:
    return new_organization(database)


def new_organization(database: Database) -> UUID:
    with database.transaction(SYSTEM) as transaction:
        return organizations.ensure_organization(transaction, f"Org {new_id()}")

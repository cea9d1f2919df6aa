"""The real web application, on a real port of loopback, with clients of two organizations."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import uvicorn

from leads_pipeline.api.app import create_app
from leads_pipeline.defs.processing import process
from leads_pipeline.settings import Settings
from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.builders import claim_for

NEEDS_A_PROVIDER = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="the provider's stand-in that Python 3.11 gets knows no client without a secret"
)


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    return Settings(LEADS_HOME=home, LEADS_MAX_CSV_BYTES=2_000_000, LEADS_BODY_TIMEOUT_SECONDS=1)  # pyright: ignore[reportCallIssue]


@contextmanager
def running(settings: Settings, database: Database, *, dashboard: bool = False) -> Generator[str]:
    """The application on a free port, until left."""
    app = create_app(settings, database, dashboard=dashboard)
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def tell(sockets: object = None) -> None:
        await startup(sockets)  # pyright: ignore[reportArgumentType]
        started.set()

    server.startup = tell  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        # A failed test must not leave a thread behind that keeps the whole run from ending.
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def base_url(settings: Settings, database: Database) -> Generator[str]:
    with running(settings, database) as url:
        yield url


def token_for(database: Database, organization: UUID | None, scopes: tuple[str, ...] = organizations.SCOPES) -> str:
    with database.transaction(SYSTEM) as transaction:
        return organizations.create_token(transaction, organization, scopes=scopes)


@pytest.fixture
def no_attempts(database: Database) -> None:
    """Nobody has tried to log in: all tests come from one network."""
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM login_attempts")


class Client(httpx.Client):
    """A client of one organization."""

    def __init__(self, base_url: str, token: str, database: Database, settings: Settings) -> None:
        super().__init__(base_url=f"{base_url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self.database, self.settings = database, settings

    def send_file(self, name: str, content: bytes, **options: object) -> httpx.Response:
        return self.post("/uploads", files={"file": (name, content)}, **options)  # pyright: ignore[reportArgumentType]

    def mapped(self, name: str, content: bytes) -> str:
        """Send a file, let it be mapped, and return the upload's id."""
        answer = self.send_file(name, content)
        assert answer.status_code == 202, answer.text
        upload_id = answer.json()["id"]
        self.work(upload_id)
        return upload_id

    def work(self, upload_id: str) -> None:
        """Do what a drain does about one upload."""
        process(self.database, self.settings, claim_for(self.database, UUID(upload_id)))

    def mappings(self, upload_id: str) -> dict[str, dict[str, object]]:
        rows = self.get(f"/uploads/{upload_id}/mappings").raise_for_status().json()["mappings"]
        return {row["header"]: row for row in rows}

    def preview(self, name: str, content: bytes) -> dict[str, dict[str, object]]:
        rows = self.post("/mappings/preview", files={"file": (name, content)}).raise_for_status().json()["mappings"]
        return {row["header"]: row for row in rows}


@pytest.fixture
def client(base_url: str, database: Database, organization: UUID, settings: Settings) -> Generator[Client]:
    with Client(base_url, token_for(database, organization), database, settings) as client:
        yield client


@pytest.fixture
def stranger(base_url: str, database: Database, other_organization: UUID, settings: Settings) -> Generator[Client]:
    """A client of another organization."""
    with Client(base_url, token_for(database, other_organization), database, settings) as client:
        yield client

"""The Dagster UI behind a mount and a guard, on a real server, with the real definitions and a real PostgreSQL."""

import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.engine import URL
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from leads_pipeline.api import dagster_ui
from leads_pipeline.api.access import note_change
from leads_pipeline.api.changes import Note, nobody_is_told
from leads_pipeline.api.dagster_ui import DagsterUI
from leads_pipeline.api.guard import Guard, Principal, bearer
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM, Database

# Dagster uses what Dagster deprecates, where it describes a schedule.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster")

ADMIN = {"Authorization": "Bearer admin"}
VIEWER = {"Authorization": "Bearer viewer"}


async def recognise(scope: Scope) -> Principal | None:
    role = bearer(Headers(scope=scope))
    return Principal("ann", role) if role in ("admin", "viewer") else None


@contextmanager
def web(home: Path, database: URL, note: Note = nobody_is_told) -> Generator[str]:
    """A web process with the dashboard under `/admin`, and with one route of its own."""
    settings = Settings(LEADS_HOME=home)  # pyright: ignore[reportCallIssue]
    ui = DagsterUI(note=note)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with ui.running(settings, database):
            yield

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/rest", lambda: "served")
    app.mount("/admin", Guard(ui, recognise, admits=("admin", "viewer")))
    # What Dagster reads its storage's address from belongs to the process; other tests shall not see ours.
    with pytest.MonkeyPatch.context() as environment, socket.socket() as listener:
        for name in ("DAGSTER_HOME", "LEADS_DAGSTER_DATABASE_URL"):
            environment.setenv(name, "")
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def settled(address: str) -> httpx.Response:
    """What `/admin/` answers when it has stopped saying that it starts."""
    for _ in range(600):
        answer = httpx.get(f"http://{address}/admin/", headers=ADMIN)
        if "starting" not in answer.text or answer.status_code == 200:
            return answer
        time.sleep(0.1)
    raise AssertionError("it is still starting")


@pytest.fixture(scope="module")
def address(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(LEADS_HOME=home)  # pyright: ignore[reportCallIssue]
    with web(home, database.url, partial(note_change, settings, database)) as address:
        answer = settled(address)
        assert answer.status_code == 200, answer.text
        yield address


@pytest.fixture
def http(address: str) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", headers=ADMIN, timeout=30) as client:
        yield client


def test_the_page_and_what_it_loads_lie_under_the_prefix(http: httpx.Client) -> None:
    page = http.get("/admin/runs").text
    scripts = re.findall(r'src="([^"]+\.js)"', page)
    assert scripts
    assert all(script.startswith("/admin/") for script in scripts)
    assert http.get(scripts[0]).headers["content-type"].startswith(("application/javascript", "text/javascript"))
    assert http.get("/admin", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("path", ["/admin", "/admin/"])
def test_a_person_who_opens_the_dashboard_sees_the_assets_first(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
    assert (answer.url.path, answer.status_code) == ("/admin/assets", 200)


def test_graphql_answers_by_post_and_get(http: httpx.Client) -> None:
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    expected = {"name": "leads_pipeline", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    for answer in (
        http.post("/admin/graphql", json={"query": query}),
        http.get("/admin/graphql", params={"query": query}),
    ):
        assert answer.json()["data"]["workspaceOrError"]["locationEntries"] == [expected]


def test_our_assets_are_shown(http: httpx.Client) -> None:
    answer = http.post("/admin/graphql", json={"query": "{ assetNodes { assetKey { path } } }"}).json()
    assert {"file_uploads", "field_mappings"} <= {node["assetKey"]["path"][0] for node in answer["data"]["assetNodes"]}


def test_a_subscription_is_answered_over_the_websocket(address: str) -> None:
    query = "subscription { locationStateChangeEvents { event { eventType } } }"
    with connect(
        f"ws://{address}/admin/graphql",
        additional_headers=ADMIN,
        subprotocols=["graphql-ws"],  # pyright: ignore[reportArgumentType]
        proxy=None,
    ) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(websocket.recv(10))["type"] == "connection_ack"
        websocket.send(json.dumps({"id": "1", "type": "start", "payload": {"query": query}}))
        websocket.send(json.dumps({"id": "2", "type": "start", "payload": {"query": "subscription { nonsense }"}}))
        refused = json.loads(websocket.recv(10))
        assert refused["id"] == "2"  # The first one waits for something to happen; this one cannot be served.


def test_the_pages_never_show_the_database_s_password(http: httpx.Client, database: Database) -> None:
    shown = http.post("/admin/graphql", json={"query": "{ instance { info } }"}).text
    assert "PostgresRunStorage" in shown
    assert str(database.url.password) not in shown


def test_what_is_changed_in_the_dashboard_is_in_the_audit_trail(http: httpx.Client, database: Database) -> None:
    def noted() -> list[tuple[str, str, str | None, dict[str, Any]]]:
        with database.transaction(SYSTEM) as transaction:
            found = audit.events(transaction, limit=5, action="dagster")
        return [(event.actor, event.action, event.object, dict(event.details)) for event in found]

    before = noted()
    stop = "mutation Stop($runId: String!) { terminateRun(runId: $runId) { __typename } }"
    launch = """mutation Launch($executionParams: ExecutionParams!) {
        launchRun(executionParams: $executionParams) { __typename } }"""
    selector = {"jobName": "map_waiting_uploads", "repositoryName": "x", "repositoryLocationName": "y"}
    for query, variables in (
        ("{ version }", {}),
        (stop, {"runId": "a-run"}),
        (launch, {"executionParams": {"selector": selector, "runConfigData": "{secret: ann@example.com}"}}),
    ):
        assert http.post("/admin/graphql", json={"query": query, "variables": variables}).is_success
    refused = http.post("/admin/graphql", json={"query": stop, "variables": {"runId": "another"}}, headers=VIEWER)
    assert refused.status_code == 403
    assert noted()[: 5 - len(before)][:2] == [
        ("ann", "dagster.launchRun", None, {"job": "map_waiting_uploads"}),
        ("ann", "dagster.terminateRun", "a-run", {}),
    ]


def test_without_a_token_nothing_is_shown(address: str) -> None:
    assert httpx.post(f"http://{address}/admin/graphql", json={"query": "{ version }"}).status_code == 401


def test_a_storage_that_does_not_answer_is_said_and_rest_is_served(tmp_path: Path, database_url: URL) -> None:
    with web(tmp_path, database_url.set(password="wrong")) as address:
        answer = settled(address)
        assert answer.status_code == 503
        assert "cannot be reached" in answer.json()["detail"]
        page = httpx.get(f"http://{address}/admin/", headers={**ADMIN, "Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert httpx.get(f"http://{address}/rest").json() == "served"


@pytest.mark.filterwarnings("ignore:Error loading repository location")
def test_definitions_that_do_not_load_are_shown_by_the_ui_and_rest_is_served(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edited_wrongly.py").write_text("raise ValueError('an edit that went wrong')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(dagster_ui, "DEFINITIONS", "edited_wrongly")
    error = "locationOrLoadError { ... on PythonError { causes { message } } }"
    query = f"{{ workspaceOrError {{ ... on Workspace {{ locationEntries {{ {error} }} }} }} }}"
    with web(tmp_path, database.url) as address:
        assert settled(address).status_code == 200
        answer = httpx.post(f"http://{address}/admin/graphql", json={"query": query}, headers=ADMIN, timeout=30)
        assert "an edit that went wrong" in answer.text
        assert httpx.get(f"http://{address}/rest").json() == "served"


@pytest.mark.filterwarnings("ignore:Error loading repository location")
def test_definitions_that_end_the_interpreter_do_not_end_the_web_process(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edited_badly.py").write_text("import sys; sys.exit(3)")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(dagster_ui, "DEFINITIONS", "edited_badly")
    with web(tmp_path, database.url) as address:
        assert settled(address).json()["code"] == "dashboard_unavailable"
        assert httpx.get(f"http://{address}/rest").json() == "served"


# --- Who only may look ---------------------------------------------------------------------------------------------

MUTATION = 'mutation { setSensorCursor: resetSensor(sensorSelector: {repositoryName: "__repository__", \
    repositoryLocationName: "leads_pipeline", sensorName: "new_uploads"}) { __typename } }'
UNCHECKED = 'mutation { logTelemetry(action: "a", metadata: "{}", clientTime: "1", clientId: "1") { __typename } }'
"""A mutation for which Dagster asks nobody's permission."""


def asks(address: str, headers: dict[str, str], document: str) -> dict[str, object]:
    """The first answer to a document that is sent over the WebSocket."""
    with connect(
        f"ws://{address}/admin/graphql",
        additional_headers=headers,
        subprotocols=["graphql-ws"],  # pyright: ignore[reportArgumentType]
        proxy=None,
    ) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        websocket.recv(10)
        websocket.send(json.dumps({"id": "1", "type": "start", "payload": {"query": document}}))
        return json.loads(websocket.recv(10))


def test_a_viewer_sees_what_an_administrator_sees(http: httpx.Client) -> None:
    query = {"query": "{ assetNodes { assetKey { path } } }"}
    seen = [http.post("/admin/graphql", json=query, headers=who).json() for who in (ADMIN, VIEWER)]
    assert seen[0] == seen[1]
    assert http.get("/admin/runs", headers=VIEWER).status_code == 200


@pytest.mark.parametrize("mutation", [MUTATION, UNCHECKED, "query harmless { version } " + UNCHECKED])
def test_a_viewer_changes_nothing_by_post_get_or_websocket(http: httpx.Client, address: str, mutation: str) -> None:
    payload = {"query": mutation, "operationName": None}
    text = {"Content-Type": "application/graphql", **VIEWER}
    for answer in (
        http.post("/admin/graphql", json=payload, headers=VIEWER),
        http.post("/admin/graphql", content=mutation, headers=text),
        http.post("/admin/graphql", params={"query": mutation}, headers=VIEWER),
        http.get("/admin/graphql", params={"query": mutation}, headers=VIEWER),
    ):
        assert answer.status_code == 403
        assert "your role is viewer" in answer.text
    assert "your role is viewer" in str(asks(address, VIEWER, mutation))


def test_dagster_itself_gives_a_viewer_no_permission(http: httpx.Client) -> None:
    query = {"query": "{ permissions { permission value } }"}
    held = {
        role["Authorization"]: {
            row["permission"]
            for row in http.post("/admin/graphql", json=query, headers=role).json()["data"]["permissions"]
            if row["value"]
        }
        for role in (ADMIN, VIEWER)
    }
    assert "LAUNCH_PIPELINE_EXECUTION".lower() in {name.lower() for name in held["Bearer admin"]}
    assert held["Bearer viewer"] == set()


@pytest.mark.parametrize("kind", ["materialization", "check", "observation"])
def test_a_viewer_reports_no_event_of_an_asset(http: httpx.Client, kind: str) -> None:
    answer = http.post(f"/admin/report_asset_{kind}/field_mappings", json={}, headers=VIEWER)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_nobody_changes_anything_by_a_link_or_over_the_websocket(http: httpx.Client, address: str) -> None:
    # A cookie goes along with a link that another site shows; a document sent by POST needs our own page.
    assert http.get("/admin/graphql", params={"query": MUTATION}).status_code == 405
    assert "Only subscriptions" in str(asks(address, ADMIN, MUTATION))


# --- Who is nobody -------------------------------------------------------------------------------------------------


def walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every method and address of a route table, parameters filled in; of folders of files, a file of each folder."""
    for route in routes:
        if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
            folder = Path(str(route.app.directory))
            one_of_each = {file.parent: file for file in folder.rglob("*") if file.is_file()}
            yield from (("GET", f"{prefix}{route.path}/{file.relative_to(folder)}") for file in one_of_each.values())
        elif isinstance(route, Mount):
            yield from walk(route.routes, prefix + route.path)
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", prefix + route.path
        else:
            assert isinstance(route, Route)
            address = prefix + re.sub(r"\{\w+(:\w+)?\}", "x", route.path)
            yield from ((method, address) for method in (route.methods or {"GET", "POST"}))


def test_every_route_of_the_webserver_is_refused_anonymously(address: str) -> None:
    from leads_pipeline.api.dagster_web import Webserver

    # Its route table asks nothing of the workspace.
    webserver: Any = Webserver(None, "/admin")  # pyright: ignore[reportArgumentType]
    found = sorted(set(walk(webserver.build_routes())))
    inside = [(method, path) for method, path in found if path.startswith("/admin")]
    assert {path for method, path in inside if method == "WEBSOCKET"} == {"/admin/graphql"}
    assert {"/admin/graphql", "/admin/server_info", "/admin/x", "/admin/logs/x"} <= {path for _, path in inside}
    assert len(inside) > 30
    with httpx.Client(base_url=f"http://{address}") as nobody:
        for method, path in inside:
            if method == "WEBSOCKET":
                with pytest.raises(InvalidStatus, match="403"):
                    connect(f"ws://{address}{path}", proxy=None)
                continue
            for accept in ("*/*", "text/html"):
                answer = nobody.request(method, path, headers={"Accept": accept})
                assert answer.status_code in (401, 303), (method, path)
                assert answer.headers["content-type" if answer.status_code == 401 else "location"] in (
                    "application/problem+json",
                    f"/login?next={quote(path)}",
                )

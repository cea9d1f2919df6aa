"""The guard, around an application on a real server, asked by a real HTTP client and a real WebSocket client."""

import asyncio
import socket
import threading
import time
from collections.abc import Generator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from leads_pipeline.api.guard import Guard, Principal, bearer, cookie

ADMIN, VIEWER = "the-admin-token", "a-viewer-token"
COOKIE = "leads_session"
PEOPLE = {ADMIN: Principal("ann", "admin"), VIEWER: Principal("vic", "viewer")}


async def recognise(scope: Scope) -> Principal | None:
    return PEOPLE.get(bearer(Headers(scope=scope)) or cookie(scope, COOKIE) or "")


async def secrets(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers "secret" to whoever gets here."""
    if scope["type"] == "websocket":
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        await websocket.send_text("secret")
        await websocket.close()
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"secret"})


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    app = FastAPI()
    app.mount("/admin", Guard(secrets, recognise))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def http(address: str) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}") as client:
        yield client


def by_bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; {COOKIE}={token}"}


def hears(address: str, headers: dict[str, str]) -> str:
    """What a WebSocket client is told: the secret, or the status that refuses it."""
    try:
        with connect(f"ws://{address}/admin/graphql", additional_headers=headers, proxy=None) as websocket:
            return str(websocket.recv())
    except InvalidStatus as refused:
        return str(refused.response.status_code)


@pytest.mark.parametrize("headers", [by_bearer(ADMIN), by_cookie(ADMIN), {"Authorization": f"bearer {ADMIN}"}])
def test_an_admin_passes_by_bearer_or_by_cookie(http: httpx.Client, headers: dict[str, str]) -> None:
    assert http.get("/admin/", headers=headers).text == "secret"


@pytest.mark.parametrize(
    "headers", [{}, by_bearer("wrong"), by_cookie(""), {"Authorization": ADMIN}, {"Cookie": ADMIN}]
)
def test_a_program_without_a_token_gets_a_problem_object(http: httpx.Client, headers: dict[str, str]) -> None:
    answer = http.get("/admin/assets", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "secret" not in answer.text


def test_a_browser_without_a_token_is_sent_to_the_login(http: httpx.Client) -> None:
    answer = http.get("/admin/runs/12", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/admin/runs/12")


def test_a_browser_that_posts_without_a_token_is_not_sent_anywhere(http: httpx.Client) -> None:
    assert http.post("/admin/graphql", headers={"Accept": "text/html"}).status_code == 401


def test_another_role_is_refused(http: httpx.Client, address: str) -> None:
    answer = http.get("/admin/", headers=by_bearer(VIEWER))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert hears(address, by_bearer(VIEWER)) == "403"


def test_a_websocket_of_an_admin_is_accepted(address: str) -> None:
    assert hears(address, by_bearer(ADMIN)) == "secret"
    assert hears(address, {**by_cookie(ADMIN), "Origin": f"http://{address}"}) == "secret"


def test_a_websocket_without_a_token_is_refused_before_it_is_accepted(address: str) -> None:
    assert hears(address, {}) == "403"
    assert hears(address, {"Origin": f"http://{address}"}) == "403"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://[", "http://127.0.0.1:x"]
)
def test_a_page_of_another_site_is_refused_though_the_browser_sends_the_by_cookie(
    http: httpx.Client, address: str, origin: str
) -> None:
    headers = {**by_cookie(ADMIN), "Origin": origin}
    assert http.post("/admin/graphql", headers=headers).json()["code"] == "cross_origin"
    assert http.get("/admin/graphql?query=mutation", headers=headers).status_code == 403
    assert hears(address, headers) == "403"


def test_our_own_page_may_post(http: httpx.Client, address: str) -> None:
    assert http.post("/admin/graphql", headers={**by_cookie(ADMIN), "Origin": f"http://{address}"}).text == "secret"


def test_what_the_browser_says_of_its_page_counts_where_the_page_hides_its_origin(http: httpx.Client) -> None:
    # A page under `Referrer-Policy: no-referrer` posts with `Origin: null`.
    headers = {**by_cookie(ADMIN), "Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert http.post("/admin/graphql", headers=headers).text == "secret"


def test_a_cookie_alone_cannot_change_anything(http: httpx.Client, address: str) -> None:
    # Every browser says where a request that changes something comes from; programs send the token themselves.
    assert http.post("/admin/graphql", headers=by_cookie(ADMIN)).status_code == 403
    assert hears(address, by_cookie(ADMIN)) == "403"
    assert http.post("/admin/graphql", headers=by_bearer(ADMIN)).text == "secret"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_read_by_a_picture_or_a_script(http: httpx.Client, site: str) -> None:
    headers = {**by_cookie(ADMIN), "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert http.get("/admin/graphql?query=mutation", headers=headers).status_code == 403


def test_a_link_from_another_site_may_be_followed(http: httpx.Client) -> None:
    headers = {**by_cookie(ADMIN), "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http.get("/admin/assets", headers=headers).text == "secret"
    assert http.post("/admin/graphql", headers=headers).status_code == 403


def test_behind_a_proxy_the_browser_s_host_counts(http: httpx.Client) -> None:
    headers = {**by_cookie(ADMIN), "Origin": "https://leads.example", "Host": "10.0.0.7:8000"}
    assert http.post("/admin/graphql", headers=headers).status_code == 403
    assert http.post("/admin/graphql", headers={**headers, "X-Forwarded-Host": "leads.example"}).text == "secret"
    assert http.post("/admin/graphql", headers={**headers, "Host": "leads.example:443"}).text == "secret"


def test_a_plain_page_cannot_speak_for_a_secure_one(http: httpx.Client) -> None:
    headers = {**by_cookie(ADMIN), "Host": "leads.example", "X-Forwarded-Proto": "https"}
    assert http.post("/admin/graphql", headers={**headers, "Origin": "http://leads.example"}).status_code == 403
    assert http.post("/admin/graphql", headers={**headers, "Origin": "https://leads.example"}).text == "secret"

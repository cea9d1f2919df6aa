"""Logging in by the local password or an admin token, and what becomes of the session: real HTTP, real PostgreSQL."""

import re
from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from leads_pipeline.api import passwords
from leads_pipeline.settings import Settings
from leads_pipeline.store import organizations, sessions
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import running, token_for

pytestmark = pytest.mark.usefixtures("no_attempts")

COOKIE = "leads_session"


@pytest.fixture(scope="module")
def password(database: Database) -> str:
    return passwords.reset_password(database)


@pytest.fixture
def browser(base_url: str) -> Generator[httpx.Client]:
    """A client that keeps cookies and says where it comes from, as browsers do."""
    with httpx.Client(base_url=base_url, headers={"Origin": base_url, "Accept": "text/html"}) as client:
        yield client


def log_in(browser: httpx.Client, password: str, **form: str) -> httpx.Response:
    return browser.post("/login", data={"password": password, **form})


def home(browser: httpx.Client) -> int:
    """200 for who is logged in, 303 for who is sent to the login."""
    return browser.get("/").status_code


def session_set(database: Database, **ages: str) -> None:
    """Let the newest session be as if these moments were so long ago."""
    changes = ", ".join(f"{column} = now() - interval '{age}'" for column, age in ages.items())
    with database.transaction(SYSTEM) as transaction:
        newest = "SELECT id FROM login_sessions ORDER BY created_at DESC LIMIT 1"
        assert transaction.run(f"UPDATE login_sessions SET {changes} WHERE id = ({newest})") == 1


def test_the_password_logs_in_and_the_cookie_is_kept_from_scripts_and_other_sites(
    browser: httpx.Client, password: str
) -> None:
    assert home(browser) == 303
    answer = log_in(browser, password, next="/admin/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/runs")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert home(browser) == 200


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(browser: httpx.Client, password: str) -> None:
    headers = {"X-Forwarded-Proto": "https", "Origin": str(browser.base_url).rstrip("/").replace("http:", "https:")}
    answer = browser.post("/login", data={"password": password}, headers=headers)
    assert answer.headers["set-cookie"].startswith("__Host-leads_session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("wrong", ["", "wrong", "leads_aaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbcccccc"])
def test_anything_else_is_refused_in_a_sentence(browser: httpx.Client, password: str, wrong: str) -> None:
    answer = log_in(browser, wrong)
    assert answer.status_code == 401
    assert "That is not the administrator" in answer.text
    assert "set-cookie" not in answer.headers
    assert password not in answer.text


def test_an_admin_token_logs_in_and_takes_its_session_along_when_it_is_revoked(
    browser: httpx.Client, database: Database
) -> None:
    token = token_for(database, None, (organizations.ADMIN,))
    assert log_in(browser, f" {token}\n").status_code == 303
    assert home(browser) == 200
    with database.transaction(SYSTEM) as transaction:
        organizations.revoke_token(transaction, token.split("_")[1])
    assert home(browser) == 303


def test_a_token_of_an_organization_does_not_log_in(
    browser: httpx.Client, database: Database, organization: UUID
) -> None:
    assert log_in(browser, token_for(database, organization)).status_code == 401


def test_after_five_slips_even_the_right_password_has_to_wait_at_every_web_process(
    browser: httpx.Client, password: str, settings: Settings, database: Database
) -> None:
    for _ in range(5):
        assert log_in(browser, "wrong").status_code == 401
    refused = log_in(browser, password)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert "Try again in 15 minutes" in refused.text
    with (
        running(settings, database) as another,
        httpx.Client(base_url=another, headers={"Origin": another}) as elsewhere,
    ):
        assert log_in(elsewhere, password).status_code == 429


def test_a_good_login_forgets_the_slips_before_it(browser: httpx.Client, password: str) -> None:
    for _ in range(3):
        for _ in range(4):
            assert log_in(browser, "wrong").status_code == 401
        assert log_in(browser, password).status_code == 303


def test_logging_out_ends_the_session_for_copies_of_the_cookie_too(browser: httpx.Client, password: str) -> None:
    log_in(browser, password)
    copy = {COOKIE: browser.cookies[COOKIE]}
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert COOKIE not in browser.cookies
    assert httpx.get(f"{browser.base_url}", cookies=copy).status_code == 303


def test_logging_in_again_ends_the_session_before(browser: httpx.Client, password: str) -> None:
    log_in(browser, password)
    before = {COOKIE: browser.cookies[COOKIE]}
    log_in(browser, password)
    assert browser.cookies[COOKIE] != before[COOKIE]
    assert httpx.get(f"{browser.base_url}", cookies=before).status_code == 303


def test_an_unused_session_ends_and_a_used_one_ends_at_last(
    browser: httpx.Client, password: str, database: Database
) -> None:
    log_in(browser, password)
    session_set(database, seen_at="119 minutes")
    assert home(browser) == 200
    session_set(database, seen_at="121 minutes")
    assert home(browser) == 303
    log_in(browser, password)
    session_set(database, expires_at="1 second")
    assert home(browser) == 303


def test_the_cookie_changes_and_the_old_one_is_good_for_requests_under_way_only(
    browser: httpx.Client, password: str, database: Database
) -> None:
    log_in(browser, password)
    old = {COOKIE: browser.cookies[COOKIE]}
    session_set(database, rotated_at="16 minutes")
    assert COOKIE in browser.get("/").cookies
    assert browser.cookies[COOKIE] != old[COOKIE]
    assert httpx.get(f"{browser.base_url}", cookies=old).status_code == 200
    assert home(browser) == 200
    assert httpx.get(f"{browser.base_url}", cookies=old).status_code == 200
    session_set(database, confirmed_at="61 seconds")
    # Somebody else has it: nobody knows which of the two is the person, so neither stays.
    assert httpx.get(f"{browser.base_url}", cookies=old).status_code == 303
    assert home(browser) == 303


def test_a_changed_cookie_that_never_arrived_does_not_log_anybody_out(
    browser: httpx.Client, password: str, database: Database
) -> None:
    log_in(browser, password)
    session_set(database, rotated_at="16 minutes")
    old = {COOKIE: browser.cookies[COOKIE]}
    httpx.get(f"{browser.base_url}", cookies=old)
    session_set(database, rotated_at="1 hour")
    assert httpx.get(f"{browser.base_url}", cookies=old).status_code == 200


def test_another_site_can_neither_log_anybody_in_nor_out(browser: httpx.Client, password: str) -> None:
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = browser.post("/login", data={"password": password}, headers=evil)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    log_in(browser, password)
    browser.post("/logout", headers=evil)
    assert home(browser) == 200


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y"],
)
def test_nobody_is_sent_to_another_site(browser: httpx.Client, password: str, address: str) -> None:
    assert log_in(browser, password, next=address).headers["location"] == "/admin"


def test_what_comes_from_an_address_is_shown_as_text(browser: httpx.Client) -> None:
    shown = browser.get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script" not in shown


def test_a_new_password_ends_the_sessions_of_the_old_one(
    browser: httpx.Client, database: Database, password: str
) -> None:
    log_in(browser, password)
    try:
        fresh = passwords.reset_password(database)
        assert home(browser) == 303
        assert log_in(browser, password).status_code == 401
        assert log_in(browser, fresh).status_code == 303
    finally:
        restore(database, password)


def restore(database: Database, password: str) -> None:
    from argon2 import PasswordHasher

    from leads_pipeline.store import logins

    hashed = PasswordHasher(parallelism=1).hash(password)
    with database.transaction(SYSTEM) as transaction:
        logins.save_password(transaction, passwords.NAME, hashed)


def test_the_first_password_is_made_once(database: Database, settings: Settings, password: str) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.run("DELETE FROM local_passwords")
    made = passwords.first_password(settings, database)
    assert made is not None
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}", made)
    assert passwords.first_password(settings, database) is None
    with database.transaction(SYSTEM) as transaction:
        stored = transaction.one("SELECT * FROM local_passwords")["hash"]
    assert stored.startswith("$argon2id$")
    assert made not in stored
    restore(database, password)


def test_what_is_stored_of_a_session_does_not_open_it(browser: httpx.Client, password: str, database: Database) -> None:
    log_in(browser, password)
    with database.transaction(SYSTEM) as transaction:
        rows = transaction.all("SELECT * FROM login_sessions")
        assert len(sessions.open_sessions(transaction, idle=sessions.LATE)) >= 1
    assert browser.cookies[COOKIE] not in str(rows)
    assert not any(browser.cookies[COOKIE].encode() in bytes(row["hash"]) for row in rows)


def test_a_session_of_an_organization_may_use_rest_from_our_pages_only(
    browser: httpx.Client, database: Database, settings: Settings, organization: UUID
) -> None:
    from datetime import timedelta

    with database.transaction(SYSTEM) as transaction:
        secret = sessions.begin(
            transaction,
            role="organization",
            name="ann@acme.example",
            source="token",
            lasts=timedelta(hours=1),
            organization=organization,
        )
    browser.cookies[COOKIE] = secret
    assert browser.get("/api/v1/uploads").json() == {"uploads": [], "next": None}
    file = {"file": ("leads.csv", b"E-Mail\nada@example.com\n")}
    assert browser.post("/api/v1/uploads", files=file).status_code == 202
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = browser.post("/api/v1/uploads", files=file, headers=evil)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
    assert "ann@acme.example" in browser.get("/").text


@pytest.mark.parametrize(
    "path", ["/login", "/docs", "/api/v1/uploads", "/api/v1/health/live", "/openapi.json", "/nowhere"]
)
def test_every_answer_carries_the_headers_that_bind_a_browser(browser: httpx.Client, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "strict-transport-security" not in headers
    if path.startswith("/api/"):
        assert headers["cache-control"] == "no-store"


def test_the_log_tells_of_logins_and_of_no_secret(
    browser: httpx.Client, password: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    del tmp_path
    log_in(browser, password)
    log_in(browser, "a wrong password")
    captured = capsys.readouterr()
    written = captured.out + captured.err
    assert "logged in" in written
    assert "login refused" in written
    for secret in (password, "a wrong password", browser.cookies[COOKIE]):
        assert secret not in written

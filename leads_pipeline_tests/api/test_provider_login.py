"""Logging in at an OpenID Connect provider: a real one on loopback, asked over real HTTP."""

import base64
import hmac
import json
import socket
import time
from collections.abc import Generator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock import User, run_server_in_thread

from leads_pipeline.errors import SetupProblem
from leads_pipeline.providers.oidc import Provider
from leads_pipeline.settings import Settings
from leads_pipeline.store import sessions
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import NEEDS_A_PROVIDER, running

pytestmark = [NEEDS_A_PROVIDER, pytest.mark.usefixtures("no_attempts")]

ACME, OTHER = "00DAAAAAAAAAAAA", "00DBBBBBBBBBBBB"
SALESFORCE = "https://login.salesforce.com/id"


def person(sub: str, **claims: object) -> User:
    return User(sub=sub, claims={"email": f"{sub}@acme.example", "email_verified": True, **claims})


PEOPLE = [
    person("ann", organization_id=ACME + "AAA"),
    person("vic", organization_id=ACME + "AAA", custom_permissions={"Leads_Viewer": True, "Leads_Admin": False}),
    person("eve", organization_id=OTHER + "AAA", custom_permissions=["Leads_Admin"]),
    person("una", organization_id=ACME + "AAA", email="ann@acme.example", email_verified=False),
    person("cy", organization_id=OTHER + "AAA"),
    User(sub=f"{SALESFORCE}/{ACME}AAA/005000000000001", claims={"custom_permissions": ["Leads_Admin"]}),
    User(
        sub=f"{SALESFORCE}/{OTHER}AAA/005000000000002",
        claims={"custom_permissions": ["Leads_Admin"], "organization_id": ACME + "AAA"},
    ),
    # What their tokens say is wrong in one way each.
    person("wrong-issuer", iss="https://evil.example", organization_id=ACME),
    person("wrong-audience", aud="another-client", organization_id=ACME),
    person("wrong-party", azp="another-client", organization_id=ACME),
    person("wrong-nonce", nonce="another", organization_id=ACME),
    person("expired", exp=int(time.time()) - 3600, organization_id=ACME),
    person("from-the-future", iat=int(time.time()) + 3600, organization_id=ACME),
]


@pytest.fixture(scope="module")
def issuer() -> Generator[str]:
    with run_server_in_thread(user_claims=PEOPLE) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def web(issuer: str, settings: Settings, database: Database) -> Generator[str]:
    ours = settings.model_copy(
        update={
            "oidc_issuer": issuer,
            "oidc_client_id": "leads",
            "oidc_client_secret": None,
            "oidc_admins": frozenset({"Ann@acme.example", "Leads_Admin"}),
            "oidc_viewers": frozenset({"Leads_Viewer"}),
            "oidc_salesforce_organizations": frozenset({ACME + "AAA"}),
        }
    )
    with running(ours, database) as url:
        yield url


@pytest.fixture
def browser(web: str) -> Generator[httpx.Client]:
    with httpx.Client(base_url=web, headers={"Accept": "text/html"}) as client:
        yield client


def departs(browser: httpx.Client, there: str = "/") -> str:
    """Begin a login; returns the provider's address that the browser is sent to."""
    answer = browser.get("/login/provider", params={"next": there})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def vouched(address: str, sub: str) -> str:
    """Log in at the provider; returns the address that it sends the browser back to."""
    return httpx.post(address, data={"sub": sub}).headers["location"]


def log_in(browser: httpx.Client, sub: str, there: str = "/") -> httpx.Response:
    return browser.get(vouched(departs(browser, there), sub))


def role(database: Database, browser: httpx.Client) -> str | None:
    """The role of whoever is logged in."""
    secret = browser.cookies.get("leads_session")
    if secret is None or browser.get("/").status_code != 200:
        return None
    with database.transaction(SYSTEM) as transaction:
        session = sessions.find(transaction, secret, idle=sessions.ROTATED_AFTER)
    return None if session is None else session.role


def refused(answer: httpx.Response, status: int = 401) -> bool:
    return answer.status_code == status and "leads_session" not in answer.cookies and 'role="alert"' in answer.text


def test_the_browser_is_sent_with_state_nonce_and_a_challenge(browser: httpx.Client, issuer: str) -> None:
    sent = urlsplit(departs(browser))
    asked = {name: values[0] for name, values in parse_qs(sent.query).items()}
    assert f"{sent.scheme}://{sent.netloc}" == issuer
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "leads", "S256")
    assert asked["redirect_uri"] == f"{str(browser.base_url).rstrip('/')}/login/callback"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 32


def test_an_administrator_by_address_gets_where_she_wanted(browser: httpx.Client, database: Database) -> None:
    answer = log_in(browser, "ann", "/admin/assets")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/assets")
    assert role(database, browser) == "admin"
    assert "ann@acme.example" in browser.get("/").text


def test_a_permission_that_is_switched_on_makes_a_viewer(browser: httpx.Client, database: Database) -> None:
    log_in(browser, "vic")
    assert role(database, browser) == "viewer"


def test_the_organization_is_read_from_salesforce_s_subject(browser: httpx.Client, database: Database) -> None:
    log_in(browser, f"{SALESFORCE}/{ACME}AAA/005000000000001")
    assert role(database, browser) == "admin"


def test_another_salesforce_organization_has_no_administrators_here(browser: httpx.Client) -> None:
    answer = log_in(browser, "eve")
    assert refused(answer, 403)
    assert "eve@acme.example" in answer.text


def test_a_claim_cannot_move_somebody_into_another_organization(browser: httpx.Client) -> None:
    assert refused(log_in(browser, f"{SALESFORCE}/{OTHER}AAA/005000000000002"))


def test_an_address_that_the_provider_has_not_verified_gives_no_role(browser: httpx.Client) -> None:
    assert refused(log_in(browser, "una"), 403)


def test_people_of_a_known_salesforce_organization_get_its_home_page_and_not_the_dashboard(
    browser: httpx.Client, database: Database, organization: UUID
) -> None:
    with database.transaction(SYSTEM) as transaction:
        transaction.run(
            "UPDATE organizations SET salesforce_organization = :id WHERE id = :own", id=OTHER, own=organization
        )
    try:
        answer = log_in(browser, "cy", "/admin/runs")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert role(database, browser) == "organization"
        assert browser.get("/api/v1/uploads").json()["uploads"] == []
    finally:
        with database.transaction(SYSTEM) as transaction:
            transaction.run("UPDATE organizations SET salesforce_organization = NULL")


def test_an_answer_counts_once(browser: httpx.Client, database: Database) -> None:
    back = vouched(departs(browser), "ann")
    assert browser.get(back).status_code == 303
    browser.cookies.delete("leads_session")
    assert refused(browser.get(back))
    assert role(database, browser) is None


def test_another_browser_cannot_use_the_answer(browser: httpx.Client, web: str) -> None:
    back = vouched(departs(browser), "ann")
    with httpx.Client(base_url=web) as another:
        departs(another)
        assert refused(another.get(back))
    assert browser.get(back).status_code == 303


def test_a_state_that_we_did_not_make_is_refused(browser: httpx.Client) -> None:
    back = httpx.URL(vouched(departs(browser), "ann"))
    for state in ("", "forged", "x" * 5000):
        assert refused(browser.get(back.copy_set_param("state", state)))


def test_a_forged_code_is_refused(browser: httpx.Client) -> None:
    back = httpx.URL(vouched(departs(browser), "ann"))
    assert refused(browser.get(back.copy_set_param("code", "forged")))


def test_a_code_of_another_login_is_refused(browser: httpx.Client, web: str) -> None:
    with httpx.Client(base_url=web) as thief:
        stolen = httpx.URL(vouched(departs(browser), "ann")).params["code"]
        assert refused(thief.get(httpx.URL(vouched(departs(thief), "cy")).copy_set_param("code", stolen)))


def test_an_answer_that_comes_too_late_is_refused(browser: httpx.Client, database: Database) -> None:
    back = vouched(departs(browser), "ann")
    with database.transaction(SYSTEM) as transaction:
        transaction.run("UPDATE login_flows SET expires_at = now() - interval '1 second'")
    assert refused(browser.get(back))


@pytest.mark.parametrize(
    "liar", ["wrong-issuer", "wrong-audience", "wrong-party", "wrong-nonce", "expired", "from-the-future"]
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(browser: httpx.Client, liar: str) -> None:
    answer = log_in(browser, liar)
    assert refused(answer)
    assert "could not be verified" in answer.text


# --- Signatures ----------------------------------------------------------------------------------------------------

FORGED: list[str] = []
"""How the next id tokens of the forging provider are signed; the right way when empty."""


def signed_otherwise(how: str, token: str, key: dict[str, Any]) -> str:
    """The same token, with the same claims and key id, by somebody who does not have the provider's private key."""

    def encoded(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def part(members: dict[str, object]) -> str:
        return encoded(json.dumps(members).encode())

    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    known = json.loads(base64.urlsafe_b64decode(header + "=="))
    match how:
        case "by a foreign key":
            return jwt.encode(known, said, RSAKey.generate_key(2048, {"kid": key["kid"]}, private=True))
        case "by a foreign key that the token brings along":
            foreign = RSAKey.generate_key(2048, {"kid": "mine"}, private=True)
            brought = {**known, "kid": "mine", "jwk": foreign.as_dict(private=False)}
            registry = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
            return jwt.encode(brought, said, foreign, registry=registry)
        case "with the public key as a shared secret":
            signed = f"{part({**known, 'alg': 'HS256'})}.{claims}"
            return f"{signed}.{encoded(hmac.digest(RSAKey.import_key(key).as_pem(private=False), signed.encode(), 'sha256'))}"
        case "not at all":
            return f"{part({**known, 'alg': 'none'})}.{claims}."
        case _:
            return f"{header}.{part({**said, 'sub': 'cy', 'email': 'ann@acme.example'})}.{signature}"


@pytest.fixture(scope="module")
def forger(settings: Settings, database: Database) -> Generator[str]:
    """The application, with a provider whose tokens somebody exchanges on their way."""
    with run_server_in_thread(user_claims=PEOPLE) as server:
        app: Any = server.app
        issuer = f"http://localhost:{server.server_port}"

        def exchange(response: Any) -> Any:
            content = response.get_json(silent=True)
            if FORGED and isinstance(content, dict) and "id_token" in content:
                (key,) = httpx.get(f"{issuer}/jwks").json()["keys"]
                content["id_token"] = signed_otherwise(FORGED.pop(), content["id_token"], key)
                response.set_data(json.dumps(content))
            return response

        app.after_request(exchange)
        changes = {"oidc_issuer": issuer, "oidc_client_id": "leads", "oidc_admins": frozenset({"ann@acme.example"})}
        with running(settings.model_copy(update=changes), database) as url:
            yield url


@pytest.mark.parametrize(
    "how",
    [
        "by a foreign key",
        "by a foreign key that the token brings along",
        "with the public key as a shared secret",
        "not at all",
        "before its claims were changed",
    ],
)
def test_a_token_that_the_provider_s_own_key_has_not_signed_is_refused(
    forger: str, database: Database, how: str
) -> None:
    with httpx.Client(base_url=forger, headers={"Accept": "text/html"}) as browser:
        FORGED.append(how)
        answer = log_in(browser, "ann")
        assert FORGED == []
        assert refused(answer)
        assert "could not be verified" in answer.text
        assert role(database, browser) is None
        # The same person, with the token as it was signed.
        log_in(browser, "ann")
        assert role(database, browser) == "admin"


# --- What else may go wrong ----------------------------------------------------------------------------------------


def test_an_answer_of_another_issuer_is_refused(browser: httpx.Client) -> None:
    back = httpx.URL(vouched(departs(browser), "ann"))
    assert refused(browser.get(back.copy_set_param("iss", "https://evil.example")))


def test_who_says_no_at_the_provider_is_back_at_the_door(browser: httpx.Client) -> None:
    back = httpx.post(departs(browser), data={"action": "deny"}).headers["location"]
    answer = browser.get(back)
    assert refused(answer)
    assert "Log in with localhost" in answer.text


def test_with_a_provider_the_local_password_is_no_way_in(browser: httpx.Client, database: Database) -> None:
    from leads_pipeline.api import passwords

    password = passwords.reset_password(database)
    headers = {"Origin": str(browser.base_url).rstrip("/")}
    assert browser.post("/login", data={"password": password}, headers=headers).status_code == 401


def test_a_provider_that_is_away_is_said(settings: Settings, database: Database) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        ours = settings.model_copy(update={"oidc_issuer": gone, "oidc_client_id": "leads"})
        with running(ours, database) as url, httpx.Client(base_url=url) as browser:
            answer = browser.get("/login/provider")
    assert refused(answer, 502)
    assert "does not answer at the moment" in answer.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oidc_issuer": "https://acme.my.salesforce.com"}, "LEADS_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://acme.example", "oidc_client_id": "x"}, "https"),
        ({"oidc_issuer": "https://login.salesforce.com", "oidc_client_id": "x"}, "LEADS_OIDC_SALESFORCE_ORGANIZATIONS"),
        ({"oidc_issuer": "https://test.salesforce.com", "oidc_client_id": "x"}, "LEADS_OIDC_SALESFORCE_ORGANIZATIONS"),
    ],
)
def test_settings_that_would_let_in_anybody_or_nobody_are_refused(
    settings: Settings, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SetupProblem, match=sentence):
        Provider(settings.model_copy(update=changes))


@pytest.mark.parametrize("issuer", ["https://acme.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com"])
def test_my_domain_is_known_as_salesforce(settings: Settings, issuer: str) -> None:
    assert Provider(settings.model_copy(update={"oidc_issuer": issuer, "oidc_client_id": "x"})).label == "Salesforce"


def test_lists_in_settings_are_written_with_commas() -> None:
    read = Settings(LEADS_OIDC_ADMINS="ann@acme.example, Leads_Admin,")  # pyright: ignore[reportCallIssue]
    assert read.oidc_admins == {"ann@acme.example", "Leads_Admin"}

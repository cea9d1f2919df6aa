"""A real browser at the door: through a provider on loopback into the dashboard, as an administrator and as a viewer."""

import os
import shutil
import time
from collections.abc import Generator, Iterator

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, Page, expect, sync_playwright

from leads_pipeline.settings import Settings
from leads_pipeline.store.database import Database
from leads_pipeline_tests.api.conftest import NEEDS_A_PROVIDER, running

pytestmark = [
    NEEDS_A_PROVIDER,
    pytest.mark.usefixtures("no_attempts"),
    # Dagster uses what Dagster deprecates, where it describes a schedule.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dagster"),
]

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a browser: apt-get install chromium")
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def web(
    browser: Browser, settings: Settings, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The whole web process, whose people log in at a provider."""
    del browser  # Without one, nothing here is needed.
    people = [
        User(sub=name, claims={"email": f"{name}@acme.example", "email_verified": True}) for name in ("ann", "vic")
    ]
    with run_server_in_thread(user_claims=people) as provider, pytest.MonkeyPatch.context() as environment:
        for name in ("DAGSTER_HOME", "LEADS_DAGSTER_DATABASE_URL"):
            environment.setenv(name, "")
        ours = settings.model_copy(
            update={
                "home": tmp_path_factory.mktemp("home"),
                "oidc_issuer": f"http://localhost:{provider.server_port}",
                "oidc_client_id": "leads",
                "oidc_admins": frozenset({"ann@acme.example"}),
                "oidc_viewers": frozenset({"vic@acme.example"}),
            }
        )
        with running(ours, database, dashboard=True) as url:
            yield url


class Visit:
    """A person with a browser of their own, and what the browser complained about."""

    def __init__(self, page: Page, web: str) -> None:
        self.page, self.web = page, web
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: object) -> None:
        text = str(getattr(message, "text", ""))
        if getattr(message, "type", "") == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def log_in(self, name: str, there: str = "/") -> None:
        self.page.goto(self.web + there)
        self.page.get_by_role("link", name="Log in with localhost").click()
        self.page.get_by_label(f"Authorize as {name}").click()

    def open_dashboard(self, path: str) -> None:
        """The page, once the dashboard has started."""
        limit = time.monotonic() + 60
        while True:
            answer = self.page.goto(self.web + path)
            if answer is not None and answer.status == 200:
                return
            assert time.monotonic() < limit
            self.complaints.clear()
            time.sleep(0.5)


@pytest.fixture
def visit(browser: Browser, web: str) -> Generator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Visit(context.new_page(), web)
    context.close()


def test_an_administrator_comes_through_the_provider_to_the_page_she_wanted(visit: Visit) -> None:
    visit.log_in("ann", "/admin/runs")
    visit.page.wait_for_url("**/admin/runs")
    visit.open_dashboard("/admin/assets/field_mappings")
    expect(visit.page.get_by_role("button", name="Materialize")).to_be_enabled(timeout=30_000)
    visit.page.goto(f"{visit.web}/admin/automation")
    expect(visit.page.get_by_role("link", name="new_uploads")).to_be_visible(timeout=30_000)
    assert visit.complaints == []


def test_a_viewer_sees_the_dashboard_and_is_offered_no_change(visit: Visit) -> None:
    visit.log_in("vic", "/admin")
    visit.open_dashboard("/admin/assets/field_mappings")
    expect(visit.page.get_by_text("What each column means")).to_be_visible(timeout=30_000)
    expect(visit.page.get_by_role("button", name="Materialize")).to_be_disabled()
    refused = visit.page.evaluate(
        """async () => (await fetch('/admin/graphql', {method: 'POST', headers: {'Content-Type': 'application/json'},
           body: JSON.stringify({query: 'mutation { setNuxSeen }'})})).status"""
    )
    assert refused == 403
    assert visit.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_our_pages_fit_the_screen_and_follow_their_policy(visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    for path in ("/login", "/"):
        if path == "/":
            visit.log_in("ann")
        visit.page.goto(visit.web + path)
        expect(visit.page.get_by_role("heading", name="leads_pipeline")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        # The style sheet in the page is allowed by its hash.
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(248, 250, 252)"
    expect(visit.page.get_by_text("ann@acme.example")).to_be_visible()
    assert visit.complaints == []


def test_the_dashboard_can_be_used_on_a_phone(visit: Visit) -> None:
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    visit.log_in("ann")
    visit.open_dashboard("/admin/assets/field_mappings")
    expect(page.get_by_text("What each column means")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Materialize")).to_be_in_viewport(ratio=1)
    chart = page.get_by_role("img", name="coverage").bounding_box()
    assert chart is not None
    assert chart["width"] > 300
    assert chart["x"] + chart["width"] <= 390
    page.goto(f"{visit.web}/admin/assets")
    asset = page.get_by_role("link", name="mapping_models")
    expect(asset).to_be_in_viewport(ratio=1, timeout=30_000)
    page.goto(f"{visit.web}/admin/locations/leads_pipeline/jobs/generate_training_dataset/playground")
    expect(page.get_by_role("button", name="Launch Run")).to_be_in_viewport(ratio=1, timeout=30_000)
    editor = page.locator(".CodeMirror", has_text="training_datasets").bounding_box()
    assert editor is not None
    assert editor["width"] > 350
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.complaints == []


def test_a_wide_window_shows_the_dashboard_as_dagster_draws_it(visit: Visit) -> None:
    visit.log_in("ann")
    visit.open_dashboard("/admin/assets/field_mappings")
    description = visit.page.get_by_text("What each column means")
    expect(description).to_be_visible(timeout=30_000)
    navigation, text = visit.page.get_by_role("navigation").bounding_box(), description.bounding_box()
    assert navigation is not None
    assert text is not None
    assert navigation["height"] > 700
    assert text["x"] > navigation["x"] + navigation["width"]


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/charts", "/admin/runs"])
def test_whoever_has_not_logged_in_is_sent_to_the_door_and_a_program_is_refused(web: str, path: str) -> None:
    person = httpx.get(web + path, headers={"Accept": "text/html"})
    assert (person.status_code, person.headers["location"]) == (303, f"/login?next={path}")
    assert httpx.get(web + path).status_code == 401


def test_logging_out_shuts_the_dashboard(visit: Visit) -> None:
    visit.log_in("ann")
    visit.page.get_by_role("button", name="Log out").click()
    visit.page.wait_for_url("**/login")
    visit.page.goto(f"{visit.web}/admin/runs")
    visit.page.wait_for_url("**/login?next=/admin/runs")

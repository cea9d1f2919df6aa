"""The page at `/` and the charts: who sees whose figures, and that these are what is stored."""

import re
from collections.abc import Generator
from html import unescape
from uuid import UUID, uuid4
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from leads_pipeline.api.charts import CHARTS
from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, token_for
from leads_pipeline_tests.api.test_models import candidate
from leads_pipeline_tests.builders import received

FILE = b"First Name,Last Name,E-Mail,Zxqv\nAda,Byron,ada@example.com,1\n"


@pytest.fixture
def admin(base_url: str, database: Database) -> Generator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token_for(database, None, (organizations.ADMIN,))}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


def home(client: httpx.Client) -> str:
    """The page at `/`."""
    answer = client.get(str(client.base_url).split("/api/")[0].rstrip("/") + "/")
    assert answer.status_code == 200
    return answer.text


def tiles(page: str) -> dict[str, list[str]]:
    """The figures by their labels, each with its notes."""
    found = re.findall(r"<dt>(.*?)</dt>((?:<dd[^>]*>.*?</dd>)+)", page)
    return {label: [unescape(text) for text in re.findall(r"<dd[^>]*>(.*?)</dd>", values)] for label, values in found}


def attention(page: str) -> str:
    return unescape(page.split("<h2>Needs attention</h2>")[1].split("<h2>", maxsplit=1)[0])


def review(client: Client, upload: str, header: str, target: str) -> None:
    answer = {"mapping_id": client.mappings(upload)[header]["id"], "target": target}
    body = {"corrections": [answer], "rest": "confirmed"}
    client.post(f"/uploads/{upload}/review", json=body).raise_for_status()


def test_an_organization_without_files_is_told_how_to_begin(client: Client) -> None:
    page = home(client)
    assert "Send a first file" in attention(page)
    assert tiles(page)["Files"][0] == "0"
    assert page.count("Nothing was counted yet") >= 4


def test_the_figures_are_those_that_are_stored_at_this_moment(client: Client) -> None:
    first, second = (client.mapped(f"{n}.csv", FILE + b"Alan,Turing,a@example.org,%d\n" % n) for n in range(2))
    client.mapped("broken.csv", b"Name\n")
    review(client, first, "Zxqv", "Title")
    shown = tiles(home(client))
    stored = [client.get(f"/uploads/{upload}").json() for upload in (first, second)]
    columns = sum(upload["columns"] for upload in stored)
    assert columns == 8
    assert shown["Columns"] == ["8"]
    assert shown["Files"] == ["3", "4 rows"]
    assert shown["Failed"] == ["1"]
    assert shown["Reviewed by people"] == ["50 %", "1 of 2 mapped files"]
    assert shown["Right, of reviewed columns"][0] == "75 %"
    assert shown["Corrections per upload"][0] == "1"
    assert shown["Decided without a person"][1].endswith("of 8 columns")
    assert "1 file of this week could not be mapped: 1 ×" in attention(home(client))


def test_it_tells_which_model_maps_and_which_one_may_follow(
    client: Client, admin: httpx.Client, database: Database, organization: UUID
) -> None:
    shipped = client.get("/models").json()["champion"]
    shown = tiles(home(client))
    assert shown["Maps now"] == [f"Model {shipped}", "comes with this release"]
    assert shown["Newest dataset"] == ["–", "review files, then ask for one"]
    model = candidate(database, organization).version
    assert tiles(home(client))["Waits to be tried"] == [f"Model {model}"]
    client.post(f"/models/{model}/promote").raise_for_status()
    shown = tiles(home(client))
    assert shown["Maps now"][0] == f"Model {model}"
    assert shown["Maps now"][1].startswith("your own, since ")
    assert shown["Waits to be tried"] == ["–"]
    assert tiles(home(admin))["Maps now"][0] == f"Model {shipped}"
    assert tiles(home(admin))["Maps now"][-1].endswith(" by their own")


def test_an_organization_sees_itself_alone_and_no_way_into_the_dashboard(
    client: Client, stranger: Client, database: Database, other_organization: UUID
) -> None:
    mark = f"Mark{uuid4().hex}"
    with database.transaction(SYSTEM) as transaction:
        organizations.change_organization(transaction, other_organization, {"name": mark})
    before = tiles(home(client))
    stranger.mapped("theirs.csv", FILE)
    page = home(client)
    assert tiles(page) == before
    assert mark not in page
    assert mark in home(stranger)
    assert "/admin" not in page


def test_an_operator_sees_all_organizations_with_links_into_the_dashboard(
    admin: httpx.Client, database: Database, organization: UUID, other_organization: UUID
) -> None:
    before = int(tiles(home(admin))["Files"][0].replace(",", ""))
    for each in (organization, other_organization):
        received(database, each)
    page = home(admin)
    assert int(tiles(page)["Files"][0].replace(",", "")) == before + 2
    assert "All organizations" in page
    assert 'href="/admin/assets"' in page


def test_a_recommendation_is_shown_to_whom_it_concerns(
    client: Client, stranger: Client, admin: httpx.Client, database: Database, organization: UUID
) -> None:
    with database.transaction(organization) as transaction:
        transaction.run(
            """INSERT INTO recommendations (id, organization_id, kind, key, rank, title, because, evidence, reviews_saved,
                   effort_minutes, steps, watch)
               VALUES (gen_random_uuid(), :organization, 'add_synonym', 'k', 1, 'Add the synonym <Firma>', 'It comes often.',
                   '{}', 1e6, 2, '[]', '{}')""",
            organization=organization,
        )
    try:
        for sees, page in ((True, home(client)), (False, home(stranger)), (True, home(admin))):
            assert ("Add the synonym &lt;Firma&gt;" in page) == sees
    finally:
        with database.transaction(organization) as transaction:
            transaction.run(
                "DELETE FROM recommendations WHERE organization_id = :organization", organization=organization
            )


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_svg_with_a_title_and_a_description(admin: httpx.Client, name: str) -> None:
    answer = admin.get(f"/admin/charts/{name}.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "script" not in answer.headers["content-security-policy"]
    svg = fromstring(answer.text)
    for part in ("title", "desc"):
        found = svg.find(f"{{http://www.w3.org/2000/svg}}{part}")
        assert found is not None
        assert found.text


def test_a_chart_that_is_still_the_same_is_not_sent_again(admin: httpx.Client) -> None:
    first = admin.get("/admin/charts/storage.svg")
    again = admin.get("/admin/charts/storage.svg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"].startswith("private")


def test_an_unknown_chart_names_those_that_there_are(admin: httpx.Client) -> None:
    answer = admin.get("/admin/charts/nonsense.svg")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "accuracy" in answer.json()["detail"]


@pytest.mark.parametrize("name", [*CHARTS, "nonsense"])
def test_charts_cross_organizations_and_are_for_operators_alone(client: Client, base_url: str, name: str) -> None:
    address = f"{base_url}/admin/charts/{name}.svg"
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers={"Accept": "text/html"}).headers["location"].startswith("/login?next=")
    assert client.get(address).status_code == 403

"""Every route, asked by another organization: somebody else's id is not found, and nothing of theirs is ever shown."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest

from leads_pipeline.store import organizations
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline_tests.api.conftest import Client, token_for
from leads_pipeline_tests.api.test_datasets import generated

METHODS = ("get", "post", "put", "patch", "delete")


class Theirs:
    """Something of everything, of one organization, each with a mark that must never be seen elsewhere."""

    def __init__(self, client: Client, database: Database, organization: UUID) -> None:
        self.mark = f"Mark{uuid4().hex}"
        self.upload = client.mapped(f"{self.mark}.csv", f"E-Mail,{self.mark}\nada@example.com,x\n".encode())
        self.mapping = str(client.mappings(self.upload)[self.mark]["id"])
        kept = {"corrections": [{"mapping_id": self.mapping, "target": "Company", "comment": self.mark}]}
        self.correction = client.post("/training/corrections", json=kept).json()["corrections"][0]["id"]
        schema = client.get("/schema").json()["fields"]
        client.put(
            "/schema", json={"fields": [*schema, {"name": f"{self.mark}__c", "label": self.mark}]}
        ).raise_for_status()
        with database.transaction(SYSTEM) as transaction:
            organizations.change_organization(transaction, organization, {"name": self.mark})
            self.model = transaction.value(
                """INSERT INTO mapping_models (id, organization_id, name, status, base, inputs_hash, content_hash,
                       feature_version)
                   VALUES (gen_random_uuid(), :id, :name, 'candidate', 'base', sha256('i'), sha256('c'), 1)
                   RETURNING version""",
                id=organization,
                name=self.mark,
            )
        dataset = generated(client, evidence=["corrected"])
        self.request, self.version = str(dataset["id"]), str(dataset["version"])
        self.organization = str(organization)
        self.erasure = client.post("/erasures", json={"kind": "upload", "upload_id": self.upload}).json()["id"]
        self.prefix = token_for(database, organization).split("_")[1]

    def values(self, path: str) -> dict[str, str]:
        """What stands for the parameters of a path."""
        return {
            "upload_id": self.upload,
            "correction_id": self.correction,
            "organization_id": self.organization,
            "prefix": self.prefix,
            "request_id": self.request,
            "erasure_id": self.erasure,
            "version": str(self.model) if path.startswith("/models/") else self.version,
        }

    def body(self, method: str, path: str) -> dict[str, object]:
        """A body that is right but for whose things it names."""
        correction = {"mapping_id": self.mapping, "target": "Email"}
        bodies: dict[tuple[str, str], dict[str, object]] = {
            ("post", "/training/corrections"): {"corrections": [correction]},
            ("post", "/uploads/{upload_id}/review"): {"corrections": [correction], "rest": "confirmed"},
        }
        return bodies.get((method, path), {})


@pytest.fixture
def theirs(client: Client, database: Database, organization: UUID) -> Theirs:
    return Theirs(client, database, organization)


def routes(client: Client) -> Iterator[tuple[str, str]]:
    paths = httpx.get(str(client.base_url).removesuffix("/api/v1/") + "/openapi.json").json()["paths"]
    for path, methods in paths.items():
        yield from ((method, path.removeprefix("/api/v1")) for method in METHODS if method in methods)


def test_every_route_hides_what_is_another_organization_s(theirs: Theirs, stranger: Client) -> None:
    asked = 0
    for method, path in routes(stranger):
        known = re.findall(r"\{(\w+)\}", path)
        assert set(known) <= theirs.values(path).keys(), (
            f"`Theirs` has nothing for {path}, so nothing would be tested there"
        )
        address = path.format(**theirs.values(path))
        body = theirs.body(method, path)
        answer = stranger.request(method, address, json=body if method in ("post", "put", "patch") else None)
        assert theirs.mark not in answer.text, (method, path)
        asked += 1
        if known:
            # Only administrators change organizations, whoever's they are.
            wanted = 403 if path.startswith("/organizations/{organization_id}/") or method == "patch" else 404
            assert answer.status_code == wanted, (method, path, answer.text)
        if (method, path) == ("post", "/training/corrections"):
            assert answer.status_code == 404
    assert asked >= 25


def test_nothing_of_theirs_was_changed_by_the_asking(theirs: Theirs, client: Client, stranger: Client) -> None:
    before = [client.get(path).json() for path in ("/uploads", f"/uploads/{theirs.upload}/mappings", "/schema")]
    for method, path in routes(stranger):
        address = path.format(**theirs.values(path))
        stranger.request(method, address, json=theirs.body(method, path))
    after = [client.get(path).json() for path in ("/uploads", f"/uploads/{theirs.upload}/mappings", "/schema")]
    assert before == after


def test_every_route_but_health_needs_somebody(theirs: Theirs, stranger: Client) -> None:
    with httpx.Client(base_url=stranger.base_url) as nobody:
        for method, path in routes(stranger):
            address = path.format(**theirs.values(path))
            answer = nobody.request(method, address)
            if path.startswith("/health/"):
                assert answer.status_code == 200
            else:
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (method, path)

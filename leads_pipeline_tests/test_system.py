"""The whole path through real processes: upload, sensor, run, mapping, correction, memory, export, and the dashboard."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from leads_pipeline.settings import Settings
from leads_pipeline.store import embedded, organizations
from leads_pipeline.store.database import SYSTEM, open_database
from leads_pipeline.store.embedded_cluster import cluster_of
from leads_pipeline.supervisor import System
from leads_pipeline.system import admin_token_file, migrate

T = TypeVar("T")
EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Running:
    """The running system, a client of one organization, and a token for the dashboard."""

    system: System
    client: httpx.Client
    admin_token: str
    inbox: Path
    cluster: bytes

    def upload(self, path: Path) -> str:
        with path.open("rb") as file:
            return self.client.post("/uploads", files={"file": (path.name, file)}).raise_for_status().json()["id"]

    def wait_until_mapped(self, upload_id: str) -> dict[str, Any]:
        def mapped() -> dict[str, Any] | None:
            upload = self.client.get(f"/uploads/{upload_id}").json()
            return upload if upload["status"] in ("mapped", "reviewed", "failed") else None

        return wait_for(mapped)

    def graphql(self, query: str) -> dict[str, Any]:
        def answered() -> httpx.Response | None:
            answer = httpx.post(
                f"{self.system.base_url}/admin/graphql",
                json={"query": query},
                headers={"Authorization": f"Bearer {self.admin_token}"},
                timeout=30,
            )
            # The dashboard opens while uploads are taken in already, and says so until it is there.
            return None if answer.status_code == 503 else answer

        return wait_for(answered).raise_for_status().json()["data"]


def wait_for(look: Callable[[], T | None], seconds: float = 300) -> T:
    """What `look` finds, as soon as it finds something; so long only where a machine does much besides, or nothing comes."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    home, inbox = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("inbox")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(LEADS_HOME=home, PORT=port)  # pyright: ignore[reportCallIssue]
    with open_database(settings) as database:
        migrate(settings, database)
        with database.transaction(SYSTEM) as transaction:
            token = organizations.create_token(transaction, organizations.ensure_organization(transaction, "Acme"))
        admin_token = admin_token_file(settings, database).read_text().strip()
        with System(settings, environment={"LEADS_INBOX": str(inbox), "LEADS_DRAIN_LINGER_SECONDS": "5"}) as system:
            system.wait_ready()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"{system.base_url}/api/v1", headers=headers, timeout=30) as client:
                yield Running(system, client, admin_token, inbox, str(cluster_of(home).data).encode())
    embedded.wipe(home)


def test_a_correction_is_right_on_the_next_file_of_the_same_sender(running: Running) -> None:
    first = running.upload(EXAMPLES / "trade_show.xlsx")
    assert running.wait_until_mapped(first)["status"] == "mapped"
    mappings = running.client.get(f"/uploads/{first}/mappings").json()["mappings"]
    column = next(mapping for mapping in mappings if mapping["header"] == "Job Function")
    answer = {"corrections": [{"mapping_id": column["id"], "target": "Department"}], "rest": "unreviewed"}
    running.client.post(f"/uploads/{first}/review", json=answer).raise_for_status()

    second = running.upload(EXAMPLES / "trade_show_again.xlsx")
    running.wait_until_mapped(second)
    again = running.client.get(f"/uploads/{second}/mappings").json()["mappings"]
    recalled = next(mapping for mapping in again if mapping["header"] == "Job Function")
    assert (recalled["target"], recalled["method"], recalled["applied"]) == ("Department", "memory", True)

    leads = running.client.get(f"/uploads/{second}/leads").raise_for_status().text
    assert "Department" in leads.splitlines()[0]


def test_the_dashboard_shows_what_the_drain_did(running: Running) -> None:
    def materialized() -> dict[str, float] | None:
        query = """{ assetOrError(assetKey: {path: ["field_mappings"]}) { ... on Asset {
            assetMaterializations(limit: 1) { metadataEntries { label
                ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } } } } } }"""
        asset = running.graphql(query)["assetOrError"]
        found = (asset.get("assetMaterializations") or [None])[0]
        if found is None:
            return None
        return {entry["label"]: entry.get("intValue", entry.get("floatValue")) for entry in found["metadataEntries"]}

    metadata = wait_for(materialized)
    assert metadata["columns"] > 0
    assert 0 <= metadata["coverage"] <= 1
    assert 0 <= metadata["mean_confidence"] <= 100


def test_automations_run_without_being_switched_on(running: Running) -> None:
    query = """{ sensorsOrError(repositorySelector: {repositoryName: "__repository__",
        repositoryLocationName: "leads_pipeline"}) { ... on Sensors { results { name sensorState { status } } } } }"""
    sensors = running.graphql(query)["sensorsOrError"]["results"]
    assert {sensor["sensorState"]["status"] for sensor in sensors} == {"RUNNING"}
    assert {sensor["name"] for sensor in sensors} >= {"new_uploads", "inbox_files", "failed_runs"}


def test_nobody_else_sees_the_dashboard(running: Running) -> None:
    for headers in ({}, {"Authorization": running.client.headers["authorization"]}):
        answer = httpx.post(f"{running.system.base_url}/admin/graphql", json={"query": "{version}"}, headers=headers)
        assert answer.status_code in (401, 403)


def test_a_file_in_the_inbox_is_taken_in_once(running: Running) -> None:
    folder = running.inbox / "Acme"
    folder.mkdir()
    (folder / "kundenliste.csv").write_bytes((EXAMPLES / "kundenliste.csv").read_bytes())
    (folder / "photo.xlsx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    wait_for(lambda: (folder / "done" / "kundenliste.csv").exists() or None)
    reason = wait_for(lambda: next((folder / "failed").glob("*.reason.txt"), None))
    assert reason.read_text().startswith("content_mismatch\n")
    uploads = running.client.get("/uploads").json()["uploads"]
    taken = [upload for upload in uploads if upload["source"] == "inbox"]
    assert [upload["filename"] for upload in taken] == ["kundenliste.csv"]
    assert running.wait_until_mapped(taken[0]["id"])["status"] == "mapped"


def test_uploads_survive_the_death_of_the_worker(running: Running) -> None:
    """Killed with everything below it, the worker comes back and maps what came meanwhile, once."""
    os.killpg(running.system.pids["worker"], signal.SIGKILL)
    upload_id = running.upload(EXAMPLES / "prospects_salon.csv")
    assert running.wait_until_mapped(upload_id)["status"] == "mapped"
    assert running.client.get(f"/uploads/{upload_id}").json()["columns"] > 5


def test_the_system_survives_the_death_of_its_postgresql(running: Running) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"/postgres") and b"-D" in command and running.cluster in command:
            os.kill(int(process.name), signal.SIGKILL)
            break
    else:
        raise AssertionError("the server was not found")

    def answered() -> str | None:
        answer = running.client.get("/uploads")
        assert answer.status_code in (200, 503)
        return "yes" if answer.status_code == 200 else None

    wait_for(answered)
    upload_id = running.upload(EXAMPLES / "legacy_contacts.xls")
    assert running.wait_until_mapped(upload_id)["status"] == "mapped"


def test_the_readme_works_as_written(running: Running, tmp_path: Path) -> None:
    text = (EXAMPLES.parent / "README.md").read_text()
    block = next(block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if "export UPLOAD=" in block)
    script = "\n".join(line for line in block.splitlines() if not line.startswith(("export TOKEN=", "export API=")))
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    environment = {
        **os.environ,
        "API": str(running.client.base_url).rstrip("/"),
        "TOKEN": running.client.headers["authorization"].removeprefix("Bearer "),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"code"' not in done.stdout, done.stdout
    assert (tmp_path / "leads.csv").read_text().count("\n") > 10

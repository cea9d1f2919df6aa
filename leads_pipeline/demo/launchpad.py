"""The dashboard's launchpad without its buttons: a job is queued as if a person had pressed "Launch run", and awaited."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from leads_pipeline.defs.instance import CODE_LOCATION
from leads_pipeline.errors import UnexpectedAnswer

POLL_SECONDS = 0.25
_LAUNCH = """mutation Launch($what: ExecutionParams!) { launchRun(executionParams: $what) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_LOOK = "query Look($run: ID!) { runOrError(runId: $run) { __typename ... on Run { status } } }"


def launch(
    base_url: str, token: str, job: str, run_config: Mapping[str, Any], *, patience_seconds: float = 600
) -> None:
    """Run a job by the worker of the system at `base_url`, and return when it has succeeded. `token` is an admin's.

    Raises `UnexpectedAnswer` when it is not taken, fails, or has not ended after `patience_seconds`.
    """
    what = {
        "selector": {"repositoryLocationName": CODE_LOCATION, "repositoryName": "__repository__", "jobName": job},
        "runConfigData": run_config,
    }
    deadline = time.monotonic() + patience_seconds
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        launched = _ask(client, _LAUNCH, {"what": what})["launchRun"]
        if "run" not in launched:
            raise UnexpectedAnswer(f"The dashboard did not take the job {job}: {launched.get('message', launched)}")
        run_id = launched["run"]["runId"]
        while (status := _ask(client, _LOOK, {"run": run_id})["runOrError"].get("status")) != "SUCCESS":
            if status in (None, "FAILURE", "CANCELED"):
                raise UnexpectedAnswer(f"The run of {job} failed; {base_url}/admin/runs/{run_id} shows why.")
            if time.monotonic() > deadline:
                raise UnexpectedAnswer(
                    f"The run of {job} has not ended after {patience_seconds:.0f} s: is the Dagster daemon running?"
                )
            time.sleep(POLL_SECONDS)


def _ask(client: httpx.Client, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = client.post("/admin/graphql", json={"query": query, "variables": variables})
    except httpx.TransportError as error:
        raise UnexpectedAnswer(f"Nothing answers at {client.base_url}: is the web process running?") from error
    if not answer.is_success or "data" not in (found := answer.json()):
        raise UnexpectedAnswer(f"The dashboard answered {answer.status_code}, but not as promised.")
    return found["data"]

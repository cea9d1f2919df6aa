"""What OpenAPI promises, held against what the application does: Schemathesis sends whatever the schema allows, and more."""

import subprocess
import sys
from pathlib import Path

from leads_pipeline_tests.api.conftest import Client


def test_every_answer_is_as_promised(client: Client, tmp_path: Path) -> None:
    url = str(client.base_url).removesuffix("/api/v1/")
    command = [str(Path(sys.executable).parent / "schemathesis")]
    command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run", f"{url}/openapi.json"]
    command += ["--header", f"Authorization: {client.headers['authorization']}"]
    command += ["--max-examples", "12", "--seed", "20261124", "--no-color", "--phases", "coverage,fuzzing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

"""README documents every setting, as the code defines it. `python -m leads_pipeline_tests.test_readme` rewrites the table."""

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from leads_pipeline.settings import Settings

README = Path(__file__).parent.parent / "README.md"
TABLE = re.compile(r"(<!-- settings: .*? -->\n).*?(<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """The settings as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in Settings.model_fields.values():
        default = "`.leads`" if field.default is PydanticUndefined else _shown(field.default)
        rows.append(f"| `{field.validation_alias}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    return "" if default is None or default == frozenset() else f"`{default}`"


def test_readme_documents_every_setting() -> None:
    found = TABLE.search(README.read_text())
    assert found is not None
    assert found.group(0) == found.group(1) + table() + found.group(2)


def test_every_setting_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [str(field.validation_alias) for field in Settings.model_fields.values()]
    assert len(set(names)) == len(names)
    for field in Settings.model_fields.values():
        assert (field.description or "").endswith(".")


if __name__ == "__main__":
    README.write_text(TABLE.sub(lambda found: found.group(1) + table() + found.group(2), README.read_text()))

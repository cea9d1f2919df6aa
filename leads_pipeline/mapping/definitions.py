"""What a language model is told that each lead field is, in versions.

A definition begins as the field's own description in the lead schema. Reviewed mistakes of a language model suggest
amendments; whether one is applied is decided by measuring.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from leads_pipeline.mapping.schema import LeadSchema

MOST_PICKLIST = 12


@dataclass(frozen=True)
class Definitions:
    """The definitions of a schema's fields, and `amendments` to them: a sentence or two for a field's name."""

    schema: LeadSchema
    amendments: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def version(self) -> str:
        """Names the very text of all definitions: twelve hexadecimal digits."""
        text = json.dumps(self.of({each.name for each in self.schema.fields}), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def of(self, names: Collection[str]) -> list[dict[str, Any]]:
        """The definitions of the fields called so, in the schema's order, as JSON."""
        defined: list[dict[str, Any]] = []
        for each in self.schema.fields:
            if each.name not in names:
                continue
            said = [each.description, self.amendments.get(each.name, "")]
            definition: dict[str, Any] = {
                "name": each.name,
                "label": each.label,
                "type": each.type.value,
                "is": " ".join(part for part in said if part),
            }
            if each.synonyms:
                definition["also"] = list(each.synonyms[:6])
            if each.picklist:
                definition["values"] = list(each.picklist[:MOST_PICKLIST])
            defined.append(definition)
        return defined

"""One model maps a file, and where another one is tried, that one is asked as well. Which of the two maps is settled by the
file's template: the same list comes out the same way every time.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from leads_pipeline.defs.serving import InService
from leads_pipeline.mapping import LeadSchema, MappingModel, Memory, map_sheet
from leads_pipeline.store.trials import Shadow
from leads_pipeline.types import Mapping, MemoryKey, Method, Sheet


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a file was mapped to, by the model called `model`; `shadow` is what another one made of it."""

    model: str
    proposals: Sequence[Sequence[Mapping]]
    shadow: Shadow | None = None


def map_file(
    sheets: Sequence[Sheet],
    keys: Sequence[MemoryKey],
    schema: LeadSchema,
    memory: Memory,
    service: InService,
    organization: UUID,
) -> Mapped:
    """Map the sheets of a file. `keys` are those of all its columns."""
    if service.challenger is None or service.experiment is None:
        return Mapped(
            service.champion.version, [map_sheet(sheet, schema, service.champion, memory) for sheet in sheets]
        )
    by_challenger = lot(service.experiment, organization, keys) < service.share
    served, other = service.champion, service.challenger
    if by_challenger:
        served, other = other, served
    proposals, milliseconds = _timed(sheets, schema, served, memory)
    said, shadow_milliseconds = _timed(sheets, schema, other, memory)
    asked = 0
    found: list[list[str | int | float | None]] = []
    for sheet, mine, theirs in zip(sheets, proposals, said, strict=True):
        for one, two in zip(mine, theirs, strict=True):
            asked += one.method is Method.MODEL
            if one.method is Method.MODEL and one.target != two.target:
                found.append([sheet.index, one.index, two.target, two.confidence])
    return Mapped(
        served.version,
        proposals,
        Shadow(service.experiment, by_challenger, milliseconds, shadow_milliseconds, asked, found),
    )


def lot(experiment: UUID, organization: UUID, keys: Sequence[MemoryKey]) -> float:
    """The number, from 0 up to 1, that a template of an organization has drawn in an experiment."""
    template = "\x1f".join(key.header for key in keys)
    drawn = hashlib.sha256(experiment.bytes + organization.bytes + template.encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64


def _timed(
    sheets: Sequence[Sheet], schema: LeadSchema, model: MappingModel, memory: Memory
) -> tuple[list[list[Mapping]], float]:
    begun = time.perf_counter()
    return [map_sheet(sheet, schema, model, memory) for sheet in sheets], 1000 * (time.perf_counter() - begun)

"""A sheet and a lead schema -> one proposal per column, with an honest confidence.

Pure: no database, no Dagster, no network. Reading files is `spreadsheets`' work, learning is `training`'s, and keeping
what people confirmed is the store's.
"""

from leads_pipeline.mapping.leads import leads_plan
from leads_pipeline.mapping.matcher import gate, map_sheet
from leads_pipeline.mapping.memory import NOTHING_REMEMBERED, Memory, sharable_fields
from leads_pipeline.mapping.model import MappingModel, load_model
from leads_pipeline.mapping.schema import FieldType, LeadField, LeadSchema, default_schema
from leads_pipeline.mapping.transforms import ColumnTarget, Transform, Wish, may, rival, transforms
from leads_pipeline.mapping.variants import memory_keys

__all__ = [
    "NOTHING_REMEMBERED",
    "ColumnTarget",
    "FieldType",
    "LeadField",
    "LeadSchema",
    "MappingModel",
    "Memory",
    "Transform",
    "Wish",
    "default_schema",
    "gate",
    "leads_plan",
    "load_model",
    "map_sheet",
    "may",
    "memory_keys",
    "rival",
    "sharable_fields",
    "transforms",
]

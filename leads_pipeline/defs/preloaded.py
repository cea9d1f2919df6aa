"""What the worker's processes have in common, in memory once: whoever imports this has it all imported.

The process that they are forked from does so, and nobody else. It has one thread, holds no connection, and knows no
file. What only some runs need (training, pandas, Parquet) is left to them.
"""

import gc
import importlib

import structlog

from leads_pipeline.defs.instance import DEFINITIONS
from leads_pipeline.mapping import load_model

# First: what it leaves behind in memory is then used by what comes after, 35 MB of it.
load_model()
try:
    importlib.import_module(DEFINITIONS)
except Exception:  # noqa: BLE001 - the code server tries again, and shows whatever it is in the dashboard
    structlog.get_logger().exception("the definitions do not load")

for _name in ("dagster._daemon.controller", "dagster._grpc.server", "dagster_postgres", "leads_pipeline.defs.reaper"):
    importlib.import_module(_name)

# No collection of a child's looks at what is here already: its pages stay shared.
gc.collect()
gc.freeze()

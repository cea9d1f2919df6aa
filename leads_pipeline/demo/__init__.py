"""The main job, end to end, as a client of the running system would do it: by REST, and by the dashboard for what is
launched there.

`service` speaks to the system, `launchpad` to its dashboard, `answers` knows what the examples hold, `pages` draws tables
and panels, `story` tells it all in order. Starting and stopping the system, and making tokens, belong to the command line.
"""

from leads_pipeline.demo.launchpad import launch
from leads_pipeline.demo.story import DemoResult, run_demo

__all__ = ["DemoResult", "launch", "run_demo"]

"""The main job, end to end, as a client of the running system would do it: by REST alone.

`service` speaks to the system, `answers` knows what the examples hold, `pages` draws tables and panels, `story` tells
it all in order. Starting and stopping the system, and making a token, belong to the command line.
"""

from leads_pipeline.demo.story import DemoResult, run_demo

__all__ = ["DemoResult", "run_demo"]

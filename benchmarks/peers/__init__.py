"""`make bench-peers`: open schema matchers beside ours, on the same columns, judged alike.

The peers live in an environment of their own (`requirements-bench.txt`) and are spoken to by files, so that what they need
cannot break what we need. `matchers` and `plots` run there and import nothing of ours; the rest runs here.
"""

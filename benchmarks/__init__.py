"""Speed and memory, measured on this machine. `make bench` runs all of it; each module runs by itself, too.

Nothing here is asserted in a test: a figure depends on the machine, which each table names.
"""

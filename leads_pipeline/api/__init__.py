"""The FastAPI shim: REST over the other rooms. Thin: read the request, ask the store or a pure room, answer.

Handlers never start a Dagster run: they leave a row, and a sensor picks it up.
"""

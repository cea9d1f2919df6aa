"""What Dagster sees: assets, sensors, jobs and resources. Thin: read from the store, call a pure room, write, report."""

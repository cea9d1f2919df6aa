"""Performance, patterns and recommendations: rows in, numbers and pictures out. Pure: no database, no Dagster, no network."""

"""Columns with evidence -> a model, and how good it is. Pure: data in, weights and figures out."""

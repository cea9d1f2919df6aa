"""How the dashboard files what it shows: the groups of assets, and who answers for them.

The groups are the product's own words, in the order of the flow.
"""

INTAKE = "Intake"
MAPPING = "Mapping"
LEARNING = "Learning"
INSIGHT = "Insight"
UPKEEP = "Upkeep"
GROUPS = (INTAKE, MAPPING, LEARNING, INSIGHT, UPKEEP)

OWNERS = ["team:revops"]

"""From a lead spreadsheet to mapped leads, with honest confidence, learning from every correction."""

__version__ = "0.1.0"

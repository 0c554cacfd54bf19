"""Payload that lies in other pods: what a recipe names is looked up, locked, fetched and made ready for a run."""

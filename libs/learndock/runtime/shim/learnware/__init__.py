"""Stands in for the peer's package where an environment lacks it: only what a model module imports from it."""

"""Comparing outputs."""

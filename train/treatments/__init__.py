"""Proving by experiment what is wrong with a run, and what cures it."""

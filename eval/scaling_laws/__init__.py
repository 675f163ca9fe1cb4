"""Scaling laws: loss against parameters, tokens and compute, and what the runs can tell of them."""

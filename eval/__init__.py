"""Judging: metrics with intervals, and the run directory that holds them."""

"""Launching runs."""

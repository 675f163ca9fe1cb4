"""Cause and cure: what experiments on a sick run prove; pure functions, nothing is trained here."""

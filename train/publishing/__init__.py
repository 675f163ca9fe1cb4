"""A run to the Hub: what of it is published, how it is uploaded, and the Space that shows it."""

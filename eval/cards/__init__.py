"""The pieces of a model card: what a run's files say, the metadata of the Hub, the sections, and the check."""

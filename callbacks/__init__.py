"""One TrainerCallback a file: they record and act while a run is under way."""

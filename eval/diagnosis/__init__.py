"""What is wrong with a run: its log read into one shape, a detector a file, a verdict."""

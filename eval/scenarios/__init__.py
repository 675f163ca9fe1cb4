"""The three classic failures of training, told from the traces of runs that were made."""

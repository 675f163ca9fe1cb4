"""Drawing: dictionaries from evaluation/*.json in, matplotlib figures out."""

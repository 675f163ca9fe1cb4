"""Named corpora of labelled text: reading, splitting, checking, tokenising and batching."""

"""A document whose every figure is read from committed results: sources.py reads them, pictures.py draws them."""

"""Markdown set as pages: text in lines, blocks as boxes one below the other, boxes on pages."""

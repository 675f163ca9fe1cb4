"""A tiny random BERT and a tiny corpus, so that unit tests download nothing and take a moment."""

import random
from pathlib import Path

import pytest

POSITIVE = ["good", "great", "lovely", "moving", "funny"]
NEGATIVE = ["bad", "awful", "dull", "clumsy", "stale"]
NEUTRAL = ["the", "a", "film", "movie", "story", "is", "was", "and", "very", "this", "plot", "cast"]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """A saved BERT with two layers, 16 wide, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *POSITIVE, *NEGATIVE, *NEUTRAL]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def write_corpus(folder: Path, rows: dict[str, int], seed: int = 0) -> Path:
    """Write `rows` distinct labelled sentences a split as folder/<split>.csv; labels follow from the words."""
    draw = random.Random(seed)
    seen = set()
    for split, count in rows.items():
        lines = ["text,label"]
        while len(lines) <= count:
            label = len(lines) % 2
            words = [*draw.choices(NEUTRAL, k=draw.randint(3, 12)), draw.choice(POSITIVE if label else NEGATIVE)]
            draw.shuffle(words)
            if " ".join(words) not in seen:
                seen.add(" ".join(words))
                lines.append(f"{' '.join(words)},{label}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory) -> Path:
    """A folder with train, validation and test as CSV: 96, 32 and 32 sentences."""
    return write_corpus(tmp_path_factory.mktemp("tiny_corpus"), {"train": 96, "validation": 32, "test": 32})

import datasets
import huggingface_hub.constants
import numpy as np
import pytest

from cli.errors import UserError
from data.sst2 import cut_whole_sentences, read_sst2_from_hub


@pytest.fixture
def phrases():
    """Like SST-2: 200 sentences of six to twelve words, and pieces of them, some of which belong to two sentences."""
    rng = np.random.default_rng(0)
    vocabulary = [f"w{number}" for number in range(60)]
    sentences = [[*rng.choice(vocabulary, rng.integers(5, 12)).tolist(), f"name{number}"] for number in range(200)]
    texts = [" ".join(sentence) for sentence in sentences]
    for sentence in sentences:
        for _ in range(8):
            start = rng.integers(0, len(sentence))
            texts.append(" ".join(sentence[start : start + rng.integers(1, 6)]))
    order = rng.permutation(len(texts))
    texts = [texts[row] + " " for row in order]
    return texts, rng.integers(0, 2, len(texts))


def is_in(piece, text):
    return f" {piece.strip()} " in f" {text.strip()} "


def test_validation_is_whole_sentences_and_nothing_of_them_is_left_in_train(phrases):
    texts, labels = phrases
    kept, chosen = cut_whole_sentences(texts, labels)
    assert 38 <= chosen.sum() <= 40  # a fifth of the 200
    validation = [texts[row] for row in np.flatnonzero(chosen)]
    for row, text in enumerate(texts):
        in_validation = any(is_in(text, sentence) for sentence in validation)
        if chosen[row]:
            assert "name" in text and not kept[row]
            assert not any(is_in(text, other) for at, other in enumerate(texts) if at != row)
        else:
            assert kept[row] == (not in_validation or len(text.split()) < 3)


def test_each_label_keeps_its_share(phrases):
    texts, labels = phrases
    whole = np.array(["name" in text and len(text.split()) > 5 for text in texts])
    _, chosen = cut_whole_sentences(texts, labels)
    assert labels[chosen].mean() == pytest.approx(labels[whole].mean(), abs=0.05)


def test_rows_that_stand_twice_are_no_whole_sentences():
    with pytest.raises(UserError, match="whole sentence"):
        cut_whole_sentences(["a good film", "A good film"], [0, 1])


def test_rows_of_the_hub(monkeypatch):
    rows = {"sentence": ["good ", "bad "], "label": [1, 0], "idx": [0, 1]}
    hidden = {"sentence": ["what ?"], "label": [-1], "idx": [0]}
    features = datasets.Features(
        sentence=datasets.Value("string"),
        label=datasets.ClassLabel(names=["negative", "positive"]),
        idx=datasets.Value("int32"),
    )
    splits = {
        name: datasets.Dataset.from_dict(columns, features=features)
        for name, columns in {"train": rows, "validation": rows, "test": hidden}.items()
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda repository: datasets.DatasetDict(splits))
    tables = read_sst2_from_hub()
    assert tables.keys() == {"train", "validation"}
    assert tables["train"].to_pydict() == {"text": ["good", "bad"], "label": [1, 0]}


def test_a_hub_out_of_reach_is_one_line_that_says_what_works_offline(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as error:
        read_sst2_from_hub()
    assert "accelerate launch train/run.py" in str(error.value) and "--data_dir" in str(error.value)
    assert "\n" not in str(error.value)

"""A model of a few words, and a corpus for it, so that risks are measured in a moment."""

import re
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset
from scipy.special import softmax

from data import sentiment_words
from eval.predictor import Predictions

WORDS = {
    form: sign
    for name, words in vars(sentiment_words).items()
    for sign in ((1,) if name.startswith("POSITIVE_") else (-1,) if name.startswith("NEGATIVE_") else ())
    for word in words
    for form in (word if isinstance(word, tuple) else (word,))
}


class WordCounter:
    """Adds up words of praise and blame, deaf to negation; `shift` is what it thinks of each word besides."""

    def __init__(self, scale=2.0, **shift):
        self.scale, self.shift, self.asked = scale, shift, 0

    def predict(self, texts, *, states=False):
        self.asked += len(texts)
        words = [re.findall(r"[\w-]+", text.lower()) for text in texts]
        score = np.array([sum(WORDS.get(w, 0) + self.shift.get(w, 0) for w in own) for own in words]) + 0.1
        logits = self.scale * np.stack([-score, score], axis=1)
        zeros = np.zeros(len(texts), dtype=int)
        bags = np.zeros((len(texts), 64), np.float32) + 0.01
        for row, own in enumerate(words):
            for word in own:
                bags[row, zlib.crc32(word.encode()) % 64] += 1
        return Predictions(softmax(logits, axis=1), zeros, zeros > 0, zeros, logits, bags if states else None)


def rows(count, start=0):
    adjectives = [word for word in WORDS if re.fullmatch("[a-z]+", word)]
    texts, labels = [], []
    for number in range(start, start + count):
        word = adjectives[(7 * number) % len(adjectives)]
        texts.append(f"The film, number {number}, is {word} on the whole, and that is that.")
        # One label in twenty is wrong, so that there is something to fit.
        labels.append(int((WORDS[word] > 0) != (number % 20 == 0)))
    return Dataset.from_dict({"text": texts, "label": labels})


def make_subject(predictor, name="reviews", other=None):
    corpus = SimpleNamespace(name=name, train=rows(200), validation=rows(150, 1000), test=rows(160, 2000))
    test = corpus.test["text"][:]
    scored = SimpleNamespace(texts=test, probabilities=predictor.predict(test).probabilities)
    asked = {"predictor": predictor, "predict": predictor.predict}
    return SimpleNamespace(**asked, corpus=corpus, test=scored, other=other, on_own_corpus=False)


@pytest.fixture(scope="session")
def subject():
    return make_subject(WordCounter())


@pytest.fixture()
def subject_of():
    return lambda name="reviews", **settings: make_subject(WordCounter(**settings), name)

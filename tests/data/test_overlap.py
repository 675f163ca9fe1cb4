import re

import pytest
from datasets import Dataset

from cli.errors import UserError
from data.corpora import load_corpus
from data.overlap import check_overlap, find_overlap


def split(texts):
    return Dataset.from_dict({"text": texts, "label": [0] * len(texts)})


def as_sst2_writes_it(sentence):
    """Tokenise as the Penn Treebank does and SST-2 did: wo n't, it 's, `` quotes '', three dots in one."""
    sentence = re.sub(r"(\w)n't\b", r"\1 n't", sentence)
    sentence = re.sub(r"(\w)'(s|re|ve|ll|d|m)\b", r"\1 '\2", sentence)
    sentence = re.sub(r'" ([^"]*) "', r"`` \1 ''", sentence)
    return sentence.replace(". . .", "...") + " "


def test_sentences_of_reviews_are_found_in_the_form_sst2_gives_them():
    """Of SST-2's 872 validation sentences, 731 stand in the corpus reviews, many of them in another form."""
    corpus = load_corpus("reviews")
    known = [as_sst2_writes_it(sentence) for sentence in corpus.train["text"][:731]]
    test = known + [f"{as_sst2_writes_it(sentence)} indeed" for sentence in corpus.validation["text"][:141]]
    assert len(set(known) - {f"{sentence} " for sentence in corpus.train["text"]}) > 100

    overlap = find_overlap(corpus.train["text"], test)
    assert (overlap.count, overlap.total) == (731, 872)
    with pytest.raises(UserError, match=r"731 of the 872 test rows \(83\.8%\).*--allow_overlap") as refusal:
        check_overlap(corpus.train, split(test), allow=False)
    assert " ".join(test[0].split())[:70] in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert check_overlap(corpus.train, split(test), allow=True) == overlap


def test_half_a_percent_is_borne_and_more_is_not():
    test = [f"sentence number {number}" for number in range(400)]
    overlap = check_overlap(split(["Sentence number 3!", "Sentence number 5."]), split(test), allow=False)
    assert (overlap.count, overlap.share, overlap.examples) == (2, 0.005, ["sentence number 3", "sentence number 5"])
    with pytest.raises(UserError, match="3 of the 400"):
        check_overlap(split(test[:3]), split(test), allow=False)


def test_the_share_is_of_the_test_rows():
    assert find_overlap(["good"] * 50, ["good", "good .", "bad"]).share == pytest.approx(2 / 3)


def test_texts_of_punctuation_alone_overlap_only_with_themselves():
    assert find_overlap([")", "!"], ["(", "?", "!"]).examples == ["!"]

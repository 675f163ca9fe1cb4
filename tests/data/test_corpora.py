import shutil
from collections import Counter
from hashlib import sha256

import pytest

from cli.errors import UsageError, UserError
from data.corpora import load_corpus
from data.normal_form import normal_form


def write(folder, split, rows):
    (folder / f"{split}.tsv").write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))


def rows_of(split):
    return list(zip(split["text"], split["label"], strict=True))


@pytest.fixture
def folder(tmp_path):
    """200 rows of train, whose first 20 texts stand twice, and two rows each of validation and test."""
    train = [(f"film number {number}", int(number % 4 > 0)) for number in range(180)]
    train += [(f"Film number {number} !", label) for number, (_, label) in enumerate(train[:20])]
    write(tmp_path, "train", train)
    write(tmp_path, "validation", [("so bad", 0), ("so good", 1)])
    write(tmp_path, "test", [("too bad", 0), ("too good", 1)])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "sizes", "repeated"), [("reviews", (6_826, 852, 852), 2), ("imdb", (20_000, 2_500, 2_500), 98)]
)
def test_embedded_corpora_have_balanced_splits_that_share_no_text(name, sizes, repeated):
    corpus = load_corpus(name)
    splits = (corpus.train, corpus.validation, corpus.test)
    assert corpus.name == name and tuple(map(len, splits)) == sizes
    assert all(Counter(split["label"]) == {0: len(split) // 2, 1: len(split) // 2} for split in splits)
    forms = [[normal_form(text) for text in split["text"]] for split in splits]
    assert len({form for split in forms for form in split}) == sum(len(set(split)) for split in forms)
    assert sum(sizes) - sum(len(set(split)) for split in forms) == repeated


def test_the_test_of_reviews_is_fixed_for_good():
    texts = sorted(load_corpus("reviews").test["text"])
    assert sha256("\n".join(texts).encode()).hexdigest()[:16] == "857c4ff55226b8c7"


def test_rows_of_reviews_are_not_sorted_by_label():
    assert 30 < sum(load_corpus("reviews").train["label"][:100]) < 70


def test_three_files_are_used_as_they_are(folder):
    corpus = load_corpus("reviews", data_dir=folder)
    assert (corpus.name, corpus.label_names) == (folder.name, ("NEGATIVE", "POSITIVE"))
    assert len(corpus.train) == 200
    assert rows_of(corpus.validation) == [("so bad", 0), ("so good", 1)]
    assert rows_of(corpus.test) == [("too bad", 0), ("too good", 1)]


@pytest.mark.parametrize(("missing", "test"), [("test", "so"), ("validation", "too")])
def test_one_file_beside_train_is_the_test_and_validation_is_cut_out(folder, missing, test):
    (folder / f"{missing}.tsv").unlink()
    corpus = load_corpus("reviews", data_dir=folder)
    assert rows_of(corpus.test) == [(f"{test} bad", 0), (f"{test} good", 1)]
    assert (len(corpus.train), len(corpus.validation)) == (180, 20)
    assert Counter(corpus.validation["label"]) == {0: 5, 1: 15}
    assert not set(map(normal_form, corpus.train["text"])) & set(map(normal_form, corpus.validation["text"]))


@pytest.mark.parametrize("name", ["reviews", "sst2"])
def test_without_the_cut_all_rows_train_and_validation_stays(folder, name):
    (folder / "test.tsv").unlink()
    cut, whole = (load_corpus(name, data_dir=folder, cut_validation=cut) for cut in (True, False))
    assert len(whole.train) == 200 > len(cut.train)
    assert rows_of(whole.validation) == rows_of(cut.validation)
    assert set(rows_of(whole.validation)) <= set(rows_of(whole.train))


def test_sst2_of_a_folder_is_cut_by_sentences(tmp_path):
    sentences = [(f"the film {number} is what it is , and so on", number % 2) for number in range(50)]
    write(tmp_path, "train", sentences + [(f"film {number} is", 1) for number in range(50)] + [("it is", 0)])
    write(tmp_path, "dev", [("so bad", 0), ("so good", 1)])
    corpus = load_corpus("sst2", data_dir=tmp_path)
    assert corpus.name == "sst2"
    assert len(corpus.validation) == 10 and set(rows_of(corpus.validation)) <= set(sentences)
    assert len(corpus.train) == 101 - 20  # ten sentences, and a piece of each
    assert ("it is", 0) in rows_of(corpus.train)


def test_a_folder_whose_files_change_is_read_anew(folder):
    before = load_corpus("reviews", data_dir=folder)
    assert load_corpus("reviews", data_dir=folder).train is before.train
    test = folder / "test.tsv"
    test.write_text(test.read_text().replace("bad", "mad"))  # the same size, perhaps the same time
    assert rows_of(load_corpus("reviews", data_dir=folder).test) == [("too mad", 0), ("too good", 1)]
    test.unlink()
    assert rows_of(load_corpus("reviews", data_dir=folder).test) == [("so bad", 0), ("so good", 1)]
    (folder / "train.csv").write_text("text,label\ngood,1\nbad,0\n")
    with pytest.raises(UserError, match="are both there"):
        load_corpus("reviews", data_dir=folder)


def test_a_copy_of_a_folder_bears_its_own_name(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert [load_corpus("reviews", data_dir=each).name for each in (folder, copy)] == [folder.name, "copy"]


def test_unknown_names():
    with pytest.raises(UsageError, match=r"did you mean reviews\?"):
        load_corpus("review")
    with pytest.raises(UsageError, match="reviews, imdb, sst2"):
        load_corpus("xyz")


def test_too_few_rows_of_a_label_to_cut_validation(tmp_path):
    write(tmp_path, "train", [("bad", 0), *((f"good {number}", 1) for number in range(20))])
    write(tmp_path, "test", [("so bad", 0), ("so good", 1)])
    with pytest.raises(UserError, match="too few rows"):
        load_corpus("reviews", data_dir=tmp_path)

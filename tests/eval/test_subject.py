import shutil

import pytest
import yaml

from eval.subject import load_subject
from tests.conftest import write_corpus
from train.config import parse
from train.run import prepare_corpus


@pytest.fixture
def make_run(tiny_classifier, tmp_path):
    """A function that makes a run without its training, `make_run("few", data_dir, max_train_samples=20)`."""

    def make(name, data_dir, **settings):
        folder = shutil.copytree(tiny_classifier, tmp_path / name)
        settings = {"corpus": "reviews", "data_dir": str(data_dir), "model": "embedded", "tuning": "full"} | settings
        (folder / "config.yaml").write_text(yaml.safe_dump(settings))
        return str(folder)

    return make


@pytest.mark.parametrize("cut_validation", [True, False])
def test_the_training_rows_are_those_that_the_run_drew(make_run, tmp_path, cut_validation):
    # Validation is cut out of the training rows, or stays in them: the draw is another.
    data_dir = write_corpus(tmp_path, {"train": 96, "test": 32})
    settings = {"max_train_samples": 20, "cut_validation": cut_validation, "allow_overlap": True}
    given = ["--data_dir", str(data_dir), "--output_dir", str(tmp_path / "out"), "--max_train_samples", "20"]
    args, *_ = parse([*given, "--allow_overlap", "--cut_validation", str(cut_validation)])
    trained_on = prepare_corpus(args)[0].train.to_list()
    assert len(trained_on) == 20
    subject = load_subject(make_run("few", data_dir, **settings), allow_overlap=True)
    assert subject.corpus.train.to_list() == trained_on


def test_each_of_two_runs_has_its_own_training_rows(make_run, tiny_corpus):
    few, all_of_them = make_run("few", tiny_corpus, max_train_samples=20), make_run("all", tiny_corpus)
    subject = load_subject(few, against=all_of_them)
    assert (len(subject.corpus.train), len(subject.other.corpus.train)) == (20, 96)
    assert subject.corpus.test == subject.other.corpus.test


def test_another_corpus_stays_whole(make_run, tiny_corpus, tmp_path):
    other = write_corpus(tmp_path, {"train": 64, "validation": 16, "test": 16}, seed=1)
    subject = load_subject(make_run("few", tiny_corpus, max_train_samples=20), data_dir=str(other), allow_overlap=True)
    assert not subject.on_own_corpus and len(subject.corpus.train) == 64

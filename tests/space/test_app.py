import os
import socket

import gradio as gr
import pytest

from cli.errors import UserError
from models.loading import load_classifier, load_tokenizer
from space.app import build, newest_run, serve


def test_the_newest_finished_run_is_shown(tmp_path):
    for age, name in enumerate(["new", "old"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text("{}")
        os.utime(tmp_path / name / "metrics.json", (1000 - age, 1000 - age))
    (tmp_path / "unfinished").mkdir()
    assert newest_run(tmp_path) == str(tmp_path / "new")


def test_without_a_run_it_says_how_to_train_one(tmp_path):
    with pytest.raises(UserError, match="make train"):
        newest_run(tmp_path)


@pytest.fixture
def predict(tiny_bert, tmp_path):
    load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"]).save_pretrained(tmp_path)
    load_tokenizer(str(tiny_bert)).save_pretrained(tmp_path)
    return build(str(tmp_path)).fn


def test_both_labels_get_a_probability(predict):
    answer = predict("the film is great")
    assert set(answer) == {"NEGATIVE", "POSITIVE"}
    assert sum(answer.values()) == pytest.approx(1)


def test_an_empty_text_is_a_friendly_line(predict):
    with pytest.raises(gr.Error, match="Type a sentence"):
        predict("  ")


def test_a_models_own_labels_are_shown(tiny_bert, tmp_path):
    load_classifier(str(tiny_bert), ["sad", "mixed", "glad"]).save_pretrained(tmp_path)
    load_tokenizer(str(tiny_bert)).save_pretrained(tmp_path)
    assert set(build(str(tmp_path)).fn("the film is great")) == {"sad", "mixed", "glad"}


def test_a_network_without_a_head_is_refused(tiny_bert):
    with pytest.raises(UserError, match=r"holds no classifier: name a run of train/run\.py"):
        build(str(tiny_bert))


def test_a_port_in_use_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* --port"):
            serve(gr.Interface(str, "text", "text"), port)

import dataclasses
import shutil
from types import SimpleNamespace

import pytest

from data.corpora import load_corpus
from eval.parts import checkpoints as part
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, read_json, write_json
from eval.subject import Options
from models.loading import load_classifier, load_tokenizer


@pytest.fixture
def subject(tmp_path, tiny_bert, tiny_corpus) -> SimpleNamespace:
    """A run with a checkpoint, one that is only an adapter and one that is broken."""
    folder = tmp_path / "run" / "checkpoint-3"
    load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"]).save_pretrained(folder)
    load_tokenizer(str(tiny_bert)).save_pretrained(folder)
    shutil.copytree(folder, tmp_path / "run" / "checkpoint-12")
    (tmp_path / "run" / "checkpoint-12" / "model.safetensors").write_bytes(b"half")
    (tmp_path / "run" / "checkpoint-20").mkdir()
    (tmp_path / "run" / "checkpoint-20" / "adapter_config.json").write_text("{}")
    return SimpleNamespace(run=RunDirectory(tmp_path / "run"), corpus=load_corpus("reviews", data_dir=str(tiny_corpus)))


def test_every_whole_checkpoint_is_scored(subject, tmp_path):
    write_json(tmp_path / "c.json", dataclasses.asdict(part.measure(subject, Options(checkpoints=True))))
    data = read_json(tmp_path / "c.json")
    (checkpoint,) = data["checkpoints"]
    texts, labels = subject.corpus.test["text"][:], subject.corpus.test["label"][:]
    answers = Predictor.load(str(subject.run.path / "checkpoint-3")).predict(texts).probabilities.argmax(axis=1)
    assert checkpoint["step"] == 3
    assert checkpoint["accuracy"]["value"] == pytest.approx((answers == labels).mean())
    assert set(data["skipped"]) == {"checkpoint-12", "checkpoint-20"}
    assert "LoRA" in data["skipped"]["checkpoint-20"]
    assert "| 3 |" in part.section(data) and "LoRA" in part.section(data)
    part.plots(data)["checkpoints"].savefig(tmp_path / "c.png")


def test_nothing_is_done_unless_asked_for(subject):
    assert part.measure(subject, Options()) is None
    assert part.measure(SimpleNamespace(run=None), Options(checkpoints=True)) is None

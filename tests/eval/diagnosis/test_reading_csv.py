"""Curves in text tables, as other libraries and spreadsheets write them."""

import math

import numpy as np
import pytest

from cli.errors import UserError
from eval.diagnosis.reading import read_history


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, name="log.csv", encoding="utf-8", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_history(path, **options)

    return write_and_read


def points(curve):
    return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))


@pytest.mark.parametrize("position", ["epoch", "Epoch", "step", "global_step", "iteration", "Iter", "#"])
def test_names_of_positions(read, position):
    history = read(f"{position},loss\n1,3.5\n2,2\n")
    assert points(history.train) == [(1, 3.5), (2, 2)]
    assert history.steps_per_epoch == (1 if position.lower() == "epoch" else None)


@pytest.mark.parametrize("train", ["train_loss", "loss", "training_loss", "Training Loss", "trainLoss", "loss/train"])
def test_names_of_training_losses(read, train):
    history = read(f"epoch,{train},val_loss\n1,3.5,4\n2,2,3\n")
    assert points(history.train) == [(1, 3.5), (2, 2)] and points(history.validation) == [(1, 4), (2, 3)]


@pytest.mark.parametrize("name", ["eval_loss", "val_loss", "validation_loss", "Valid Loss", "test_loss", "ValLoss"])
def test_names_of_validation_losses(read, name):
    history = read(f"epoch,loss,{name}\n1,3.5,4\n2,2,3\n")
    assert points(history.train) == [(1, 3.5), (2, 2)] and points(history.validation) == [(1, 4), (2, 3)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_separators_and_byte_order_marks(read, separator, encoding):
    text = "epoch,loss,val_loss\r\n0,1.5,1.25\r\n1,1,\r\n".replace(",", separator)
    history = read(text, encoding=encoding)
    assert points(history.train) == [(0, 1.5), (1, 1)]
    assert points(history.validation) == [(0, 1.25)]


def test_decimal_commas_and_per_cent(read):
    history = read("epoch;loss;val_accuracy;val_wer\n1;0,75;81,5%;34,5\n2;0,5;nan;33,25\n")
    assert points(history.train) == [(1, 0.75), (2, 0.5)]
    np.testing.assert_allclose(history.metrics["accuracy"].value, [0.815, math.nan])
    assert history.metrics["wer"].value.tolist() == [34.5, 33.25]


def test_keras(read):
    history = read("epoch,accuracy,loss,lr,val_accuracy,val_loss\n0,0.5,0.7,0.001,0.55,0.69\n1,0.6,0.6,0.001,0.58,NA\n")
    assert points(history.train_metrics["accuracy"]) == [(0, 0.5), (1, 0.6)]
    assert points(history.metrics["accuracy"]) == [(0, 0.55), (1, 0.58)]
    assert points(history.validation) == [(0, 0.69)]
    assert history.learning_rate.value.tolist() == [0.001, 0.001]


def test_whose_metric_it_is(read):
    fastai = read("epoch,train_loss,valid_loss,accuracy,time\n0,1,2,0.5,00:10\n1,1,2,0.6,00:10\n")
    assert set(fastai.metrics) == {"accuracy"} and not fastai.train_metrics
    keras = read("epoch,loss,accuracy\n0,1,0.5\n1,1,0.6\n")
    assert set(keras.train_metrics) == {"accuracy"} and not keras.metrics
    torch = read("epoch,train_loss,train_acc,acc\n0,1,0.5,0.4\n1,1,0.6,0.4\n")
    assert torch.train_metrics["accuracy"].value[0] == 0.5 and torch.metrics["accuracy"].value[0] == 0.4
    speech = read("epoch,loss,wer,bleu\n0,1,0.5,20\n1,1,0.6,21\n")
    assert set(speech.metrics) == {"wer", "bleu"}
    held_out = read("epoch,val_acc,test_acc\n1,0.5,0.9\n2,0.6,0.9\n")
    assert held_out.metrics["accuracy"].value.tolist() == [0.5, 0.6]


def test_yolo_losses_are_summed(read):
    header = (
        "   epoch,  train/box_loss,  train/cls_loss,  metrics/mAP50(B),  val/box_loss,  val/cls_loss,  lr/pg0,  lr/pg1"
    )
    history = read(
        header
        + "\n       1,   1.5,   2.5,   0.25,   2,   3,   0.01,   0.1\n       2,  1,  2, 0.5,  nan, nan, 0.01, 0.1\n"
    )
    assert points(history.train) == [(1, 4), (2, 3)]
    np.testing.assert_equal(history.validation.value, [5, math.nan])
    assert history.metrics["map50"].value.tolist() == [0.25, 0.5]
    assert "the loss is the sum of train/box_loss, train/cls_loss" in history.notes


def test_lightning_and_interleaved_rows(read):
    history = read(
        "epoch,step,train_loss,val_loss\n0,49,0.9,\n0,99,0.7,\n0,99,,0.8\n1,149,0.6,\n1,199,0.5,\n1,199,,0.7\n"
    )
    assert points(history.train) == [(49, 0.9), (99, 0.7), (149, 0.6), (199, 0.5)]
    assert points(history.validation) == [(99, 0.8), (199, 0.7)]
    assert history.steps_per_epoch == 100 and history.restarts == ()


def test_a_column_tells_training_from_evaluation(read):
    history = read("epoch,phase,loss,acc\n1,train,2,0.5\n1,val,3,0.4\n2,train,1,0.6\n2,val,2,0.5\n")
    assert points(history.train) == [(1, 2), (2, 1)] and points(history.validation) == [(1, 3), (2, 2)]
    assert history.metrics["accuracy"].value.tolist() == [0.4, 0.5]


def test_exports(read):
    board = read("Wall time,Step,Value\n1.7e9,10,0.5\n1.7e9,20,0.4\n", name="run-.-tag-eval_loss.csv")
    assert points(board.validation) == [(10, 0.5), (20, 0.4)]
    wandb = read(
        '"Step","a - train/loss","a - train/loss__MIN","a - train/loss__MAX"\n10,0.5,0.1,0.9\n20,0.4,0.1,0.9\n'
    )
    assert points(wandb.train) == [(10, 0.5), (20, 0.4)]
    pandas = read(",loss,val_loss\n0,0.5,0.6\n1,0.4,0.5\n")
    assert points(pandas.train) == [(0, 0.5), (1, 0.4)] and pandas.steps_per_epoch == 1


def test_rows_out_of_order_newest_first_and_without_positions(read):
    shuffled = read("step,loss\n30,3\n10,1\n50,5\n20,2\n40,4\n")
    backwards = read("step,loss\n" + "".join(f"{n}0,{n}\n" for n in (5, 4, 3, 2, 1)))
    for history in (shuffled, backwards):
        assert points(history.train) == [(10, 1), (20, 2), (30, 3), (40, 4), (50, 5)] and history.restarts == ()
    counted = read("loss,val_loss\n3,4\n2,3\n1,2\n")
    assert counted.train.step.tolist() == [1, 2, 3] and counted.steps_per_epoch == 1
    stuck = read("epoch,loss\n0,3\n0,2\n0,1\n")
    assert stuck.train.step.tolist() == [1, 2, 3]


def test_kinds_that_stand_together_are_no_restart(read):
    history = read("step,loss,val_loss\n10,3,\n20,2,\n30,1,\n10,,4\n30,,2\n")
    assert len(history.train) == 3 and points(history.validation) == [(10, 4), (30, 2)] and history.restarts == ()


def test_a_file_that_was_appended_to(read):
    history = read("epoch,loss,val_loss\n0,9,9\n1,8,8\n2,7,7\nepoch,loss,val_loss\n0,3,4\n1,2,3\n")
    assert points(history.train) == [(0, 3), (1, 2)] and points(history.validation) == [(0, 4), (1, 3)]
    assert history.restarts == (0,)


def test_batches_counted_anew_in_every_epoch(read):
    rows = "".join(f"{epoch},{batch},{1 / (1 + epoch)}\n" for epoch in range(3) for batch in range(4))
    history = read("epoch,batch,loss\n" + rows)
    assert history.train.step.tolist() == list(range(12)) and history.restarts == ()
    assert history.steps_per_epoch == 4


def test_many_rows_an_epoch(read):
    history = read("epoch,loss\n" + "".join(f"{epoch},{4 - epoch}\n" for epoch in (1, 1, 1, 1, 2, 2, 2, 2)))
    assert history.train.step.tolist() == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75] and history.restarts == ()


def test_blank_and_odd_cells(read):
    history = read('epoch,loss,val_loss\n1,"1,234.5",-\n2,tensor(0.5),None\n3,oops,0.5\n4,inf,1e-3\n')
    assert points(history.train) == [(1, 1234.5), (2, 0.5), (4, math.inf)]
    assert points(history.validation) == [(3, 0.5), (4, 1e-3)]
    wide = read("epoch,loss\n1,2\n2,3,4,5\n3,1\n")
    assert points(wide.train) == [(1, 2), (3, 1)] and "lines with more values" in wide.notes[0]


def test_whole_numbers_of_any_length(read):
    history = read(f"step,loss\n1,{10**25}\n2,{10**400}\n")
    assert history.train.value.tolist() == [1e25, math.inf]


def test_nan_only_one_point_and_a_header_alone_are_read(read):
    nan = read("epoch,loss\n1,nan\n2,NaN\n")
    assert len(nan.train) == 2 and "the training loss is never a number" in nan.notes
    assert "the training loss is a single point" in read("epoch,loss\n1,0.5\n").notes
    assert "nothing was logged of training or evaluation" in read("epoch,loss,val_loss\n").notes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Dear diary,\ntoday I trained a model.\n", "has no column of a training log: it has Dear diary"),
        ("a,b,c\n1,2,3\n", "it has a, b, c; known are epoch, step, loss"),
        ("1,0.5\n2,0.4\n", "it has 1, 0.5"),
        ("epoch,step\n1,2\n", "has no column of a training log"),
        (b"GIF89a\x01\0\x01\0", "is no text"),
        ("\ufeff", "is empty"),
        ('"epoch,loss\n1,2\n', "no"),
    ],
)
def test_what_is_no_log_is_said_in_one_line(read, text, says):
    with pytest.raises(UserError, match=says) as caught:
        read(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_table_of_words_alone(read):
    assert "there is no number in loss" in read("step,loss\n1,low\n2,lower\n").notes


def test_a_file_that_must_not_be_read(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    # Whoever is root may read everything.
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied; make it readable"):
        read_history(tmp_path / "log.csv")

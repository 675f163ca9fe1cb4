import pytest
import torch
from datasets import Dataset
from torch import nn
from transformers import TrainerCallback, TrainingArguments

from data.batching import PadToLongest
from models.loading import load_classifier
from train.trainer import ClinicTrainer


class Watcher(TrainerCallback):
    """Notes the gradients before and after clipping."""

    def __init__(self):
        self.before, self.after, self.norms = [], [], []

    def on_gradients(self, args, state, control, model=None, total_norm=None, **kwargs):
        self.before.append([p.grad.clone() for p in model.parameters()])
        self.norms.append(total_norm)

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.after.append([p.grad.clone() for p in model.parameters()])


@pytest.fixture
def watch(tiny_bert, tmp_path):
    def watch(max_grad_norm: float) -> tuple[Watcher, list[dict]]:
        model = load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"])
        args = TrainingArguments(
            output_dir=str(tmp_path), max_grad_norm=max_grad_norm, max_steps=3, logging_steps=1, use_cpu=True,
            save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        rows = [{"input_ids": [2, 5 + i % 10, 16, 3], "labels": i % 2} for i in range(24)]
        watcher = Watcher()
        trainer = ClinicTrainer(
            model=model, args=args, train_dataset=rows, data_collator=PadToLongest(pad_token_id=0), callbacks=[watcher]
        )
        trainer.train()
        return watcher, [line for line in trainer.state.log_history if "loss" in line]

    return watch


@pytest.mark.parametrize("max_grad_norm", [1e-3, 1e3])
def test_clipping_equals_torchs(watch, max_grad_norm):
    watcher, logs = watch(max_grad_norm)
    for before, after, norm, line in zip(watcher.before, watcher.after, watcher.norms, logs, strict=True):
        rivals = [nn.Parameter(torch.zeros_like(gradient)) for gradient in before]
        for rival, gradient in zip(rivals, before, strict=True):
            rival.grad = gradient.clone()
        expected = nn.utils.clip_grad_norm_(rivals, max_grad_norm)
        assert norm == pytest.approx(expected.item(), rel=1e-5) == line["grad_norm"]
        assert all(torch.allclose(a, r.grad, rtol=1e-5) for a, r in zip(after, rivals, strict=True))


def test_a_left_over_batch_is_judged_and_predictions_stand_beside_their_rows(tiny_bert, tmp_path):
    model = load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"]).eval()
    rows = [[2, *range(5, 6 + i * 7 % 13), 3] for i in range(21)]
    dataset = Dataset.from_dict(
        {"input_ids": rows, "labels": [i // 3 % 2 for i in range(21)], "length": [len(row) for row in rows]}
    )
    args = TrainingArguments(
        output_dir=str(tmp_path), per_device_eval_batch_size=8, dataloader_drop_last=True, use_cpu=True,
        disable_tqdm=True,
    )  # fmt: skip
    trainer = ClinicTrainer(model=model, args=args, data_collator=PadToLongest(pad_token_id=0))
    prediction = trainer.predict(dataset)
    assert prediction.label_ids.tolist() == dataset["labels"][:]
    with torch.no_grad():
        expected = torch.cat([model(torch.tensor([row])).logits for row in rows])
    assert torch.allclose(torch.from_numpy(prediction.predictions), expected, atol=1e-5)


def test_without_clipping_callbacks_see_the_gradients_too(watch):
    watcher, logs = watch(0.0)
    assert len(watcher.before) == len(logs) == 3
    for before, after in zip(watcher.before, watcher.after, strict=True):
        assert all(torch.equal(b, a) for b, a in zip(before, after, strict=True))

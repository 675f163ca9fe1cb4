"""The Trainer, where a callback cannot reach: gradients before clipping, samplers, whole checkpoints."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import DataLoader, Sampler, SequentialSampler
from transformers import Trainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, PredictionOutput, TrainOutput, rotate_checkpoints

from callbacks.tensor_sums import total_gradient_norm
from cli.errors import UsageError, UserError
from data.batching import BucketSampler
from eval.run_directory import RunDirectory
from train.checkpoints import SAVE_ERRORS, is_complete, mark_complete, unmark, why_not_saved


class ClinicTrainer(Trainer):
    """Trainer that shows callbacks the gradients before clipping and saves checkpoints whole or not at all."""

    _buckets: BucketSampler | None = None

    def train(self, *args, **kwargs) -> TrainOutput:
        try:
            return super().train(*args, **kwargs)
        finally:
            # A run that is stopped has no on_train_end.
            for callback in self.callback_handler.callbacks:
                if hasattr(callback, "close"):
                    callback.close()

    def _clip_grad_norm(self, model):
        if self.args.device.type != "cpu" or self.accelerator.scaler is not None or self.is_fsdp_enabled:
            self._show_gradients(model)
            return super()._clip_grad_norm(model)
        # On a CPU a pass over all gradients takes as long as a layer: one for the norm serves the callbacks too, and
        # torch's clip_grad_norm_ would take another to multiply by 1 where nothing is clipped.
        norm = total_gradient_norm(model)
        self._show_gradients(model, total_norm=norm)
        if norm > self.args.max_grad_norm:
            gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
            torch._foreach_mul_(gradients, self.args.max_grad_norm / (norm + 1e-6))
        return norm

    def _get_grad_norm(self, model, grad_norm=None):
        if grad_norm is None:  # max_grad_norm is 0: nothing was clipped
            self._show_gradients(model)
        return super()._get_grad_norm(model, grad_norm)

    def _show_gradients(self, model, total_norm: float | None = None) -> None:
        """Call on_gradients of every callback that has it: accumulated, averaged over processes, not yet clipped."""
        scaler = self.accelerator.scaler
        known = {"total_norm": total_norm, "grad_scale": scaler.get_scale() if scaler is not None else 1.0}
        for callback in self.callback_handler.callbacks:
            if hasattr(callback, "on_gradients"):
                callback.on_gradients(
                    self.args, self.state, self.control, model=model, optimizer=self.optimizer, **known
                )

    def floating_point_ops(self, inputs) -> int:
        # The Trainer's own is 6 N tokens, without attention and, for a tied head, without the way to the vocabulary.
        model = self.accelerator.unwrap_model(self.model)
        if not hasattr(model, "training_flops"):
            return super().floating_point_ops(inputs)
        return model.training_flops(*inputs["input_ids"].shape)

    def create_optimizer(self, model=None):
        with _one_line(f"--optim {self.args.optim.value}"):
            return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps, optimizer=None):
        with _one_line(f"--lr_scheduler_type {self.args.lr_scheduler_type.value}"):
            return super().create_scheduler(num_training_steps, optimizer)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        # No network names it, and the collator needs it.
        self._signature_columns = list(dict.fromkeys([*self._signature_columns, "twin_ids"]))

    def _get_train_sampler(self, train_dataset=None) -> Sampler | None:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        # The Trainer's own draws from the global generator, so a run resumed in mid-epoch would see another order.
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        batch_size = self.args.train_batch_size * self.args.world_size
        self._buckets = BucketSampler(self.train_dataset["length"], batch_size, seed)
        return self._buckets

    def _run_epoch(self, *, epoch: int, **kwargs) -> None:
        if self.control.should_training_stop or self.state.global_step >= self.state.max_steps:
            # Resumed from its last checkpoint: the Trainer would take one more step before it looks.
            self.control.should_training_stop = True
            return
        if self._buckets is not None:
            # On several processes accelerate forgets to, once batches are skipped on resume.
            self._buckets.set_epoch(epoch)
        super()._run_epoch(epoch=epoch, **kwargs)

    def _get_dataloader(self, dataset: Dataset, *args, is_training: bool = False, **kwargs) -> DataLoader:
        if is_training:
            return super()._get_dataloader(dataset, *args, is_training=True, **kwargs)
        if isinstance(dataset, Dataset):
            dataset = dataset.select(_by_length(dataset))
        # Every row is judged, also where training leaves out a last small batch.
        keep, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            return super()._get_dataloader(dataset, *args, **kwargs)
        finally:
            self.args.dataloader_drop_last = keep

    def _get_eval_sampler(self, eval_dataset) -> Sampler | None:
        # The Trainer's own draws another order where training groups by length.
        return SequentialSampler(eval_dataset) if self.args.world_size <= 1 else None

    def predict(self, test_dataset: Dataset, *args, **kwargs) -> PredictionOutput:
        """What the network says to the rows, in their order, though it reads them by length."""
        output = super().predict(test_dataset, *args, **kwargs)
        back = np.argsort(_by_length(test_dataset))
        return output._replace(predictions=output.predictions[back], label_ids=output.label_ids[back])

    def _save_checkpoint(self, model, trial) -> None:
        run = Path(self._get_output_dir(trial=trial))
        folder = run / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        keep, self.args.save_total_limit = self.args.save_total_limit, None
        if self.args.should_save:
            unmark(folder)
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                mark_complete(folder)
        except SAVE_ERRORS as error:
            reason = why_not_saved(run, error)
            shutil.rmtree(folder, ignore_errors=True)
            raise UserError(_save_failed(run, folder, reason)) from error
        finally:
            self.args.save_total_limit = keep
        # Only now may an older checkpoint go.
        if self.args.should_save:
            rotate_checkpoints(str(run), keep, self.state.best_model_checkpoint)


def _by_length(dataset: Dataset) -> np.ndarray:
    """Row numbers from the longest row to the shortest: half the time of an evaluation in the corpus' order."""
    return np.argsort(-np.array(dataset["length"][:]), kind="stable")


@contextmanager
def _one_line(flag: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        raise UsageError(f"{flag}: {' '.join(str(error).split())}") from error


def _save_failed(run: Path, folder: Path, reason: str) -> str:
    good = [path.name for path in RunDirectory(run).checkpoints if is_complete(path)]
    kept = f"{good[-1]} is kept: --resume goes on from it" if good else "no earlier checkpoint exists"
    return f"{folder} could not be saved ({reason}): free some space or name another --output_dir; {kept}"

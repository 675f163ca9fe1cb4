"""TensorBoard event files in the run directory, gradient norms by layer among them."""

from pathlib import Path

from transformers.integrations import TensorBoardCallback


class TensorBoard(TensorBoardCallback):
    """Writes what the Trainer logs, and the records of GradNorms, to one folder."""

    def __init__(self, folder: Path):
        super().__init__()
        self.logging_dir = str(folder)

    def on_train_begin(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            # Events past the checkpoint that a run resumes from belong to a past that did not happen.
            self.tb_writer = self._SummaryWriter(log_dir=self.logging_dir, purge_step=state.global_step or None)
        super().on_train_begin(args, state, control, **kwargs)

    def close(self) -> None:
        """End the thread that writes; called when training is over, in whatever way."""
        if self.tb_writer is not None:
            self.tb_writer.close()
            self.tb_writer = None

    def write_grad_norms(self, record: dict) -> None:
        """Draw one gradient-norm record: the total, and each layer's norm and update norm."""
        if self.tb_writer is None:
            return
        self.tb_writer.add_scalar("grad_norm/total", record["total"], record["step"])
        for layer, figures in record["layers"].items():
            for name in ("norm", "update_norm"):
                if name in figures:
                    self.tb_writer.add_scalar(f"grad_{name}/{layer}", figures[name], record["step"])

"""The journal of a run: what the Trainer logs, line by line."""

from transformers import TrainerCallback

from eval.run_directory import Journal

RUNTIME = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")


class JournalCallback(TrainerCallback):
    """Writes "train" and "eval" lines as the Trainer logs them, and events where training begins, resumes and ends.

    Put it before other callbacks that write the journal: when training begins it drops the lines past the checkpoint.
    Evaluations outside of training are not written. Only the first process writes.
    """

    def __init__(self, journal: Journal):
        self.journal = journal
        self._training = False
        self._summary: dict[str, float] = {}

    def on_train_begin(self, args, state, control, **kwargs):
        self._training = True
        if state.is_world_process_zero:
            self.journal.drop_after(state.global_step)
            self._event(
                state,
                "resume" if state.global_step else "train_begin",
                world_size=args.world_size,
                max_steps=state.max_steps,
            )

    def on_log(self, args, state, control, logs, **kwargs):
        if not (self._training and state.is_world_process_zero):
            return
        figures = {name: value for name, value in logs.items() if name != "epoch"}
        if "loss" in figures:
            self.journal.write("train", state.global_step, state.epoch, **figures)
        elif "train_runtime" in figures:
            self._summary = {"train_loss": figures["train_loss"], "seconds": figures["train_runtime"]}
        elif "eval_loss" in figures:
            figures = {name.removeprefix("eval_"): value for name, value in figures.items()}
            figures = {name: value for name, value in figures.items() if not name.endswith(RUNTIME)}
            self.journal.write("eval", state.global_step, state.epoch, **figures)

    def on_train_end(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            self._event(state, "train_end", **self._summary)
        self._training = False

    def close(self) -> None:
        """Close the file; called when training is over, in whatever way."""
        self.journal.close()

    def _event(self, state, event: str, **fields) -> None:
        self.journal.write("event", state.global_step, state.epoch, event=event, **fields)

"""Diagnose a run while it is under way: say what is found, once, and stop where that is asked for."""

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tqdm.auto import tqdm
from transformers import TrainerCallback

from cli.processes import on_main_process
from eval.diagnosis.finding import Finding
from eval.diagnosis.history import History
from eval.diagnosis.reading.run import history_of_records, settings_of_run
from eval.diagnosis.watch import Watch
from eval.diagnosis.words import SYMPTOMS, line, named, since, weight
from eval.run_directory import Journal, read_journal


class LiveDiagnosis(TrainerCallback):
    """Judges the journal so far, as eval/diagnose.py does, prints each finding once and journals it; `stop` acts on it.

    Put it after the callbacks that write the journal. Watch says when to look, always after all that is logged at a
    step, and when to believe. `classes`: how many the network tells apart, which the folder says only once a model is
    saved. The first process looks; with `stop` the others follow it. A resumed run looks back over what the journal
    kept, so it says nothing twice and goes on as if it had not been interrupted; one that was stopped stops again. A
    fault in the diagnosis itself is printed with its traceback and ends the looking, not the training.
    """

    def __init__(self, journal: Journal, *, classes: int | None = None, stop: bool = False):
        self.journal = journal
        self.classes = classes
        self.stop = stop
        self._training = False
        self._watch: Watch | None = None
        self._settings: Mapping[str, object] = {}

    def on_train_begin(self, args, state, control, **kwargs):
        self._training = True
        self._watch = Watch(state.max_steps)
        self._settings = settings_of_run(self.journal.path.parent)
        if state.global_step:
            self._act(state, control, self._look_back)

    def on_log(self, args, state, control, logs, **kwargs):
        if self._training and "loss" in logs and not _evaluation_follows(args, state, control):
            self._act(state, control, lambda: self._look(state))

    def on_evaluate(self, args, state, control, **kwargs):
        if self._training:
            self._act(state, control, lambda: self._look(state))

    def on_train_end(self, args, state, control, **kwargs):
        self._training = False

    def history(self, records: Sequence[Mapping[str, Any]]) -> History:
        """What lines of the journal say of the run."""
        return history_of_records(records, str(self.journal.path.parent), self._settings, self.classes)

    def _act(self, state, control, find: Callable[[], bool]) -> None:
        """Let the first process look; all processes stop where it has found something and shall."""
        if self.stop:
            if on_main_process(find):
                control.should_training_stop = True
        elif state.is_world_process_zero:
            find()

    def _look(self, state) -> bool:
        if self._watch is None or not self._watch.is_due(state.global_step):
            return False
        finding = self._kept_apart(lambda: self._watch.look(self.history(read_journal(self.journal.path))))
        if not finding:
            return False
        figures = {name: getattr(finding, name) for name in ("name", "severity", "confidence")}
        onset = finding.onset and finding.onset.step
        self.journal.write(
            "event", state.global_step, state.epoch, event="diagnosis", **figures | {"onset_step": onset}
        )
        end = "; the run is stopped" if self.stop else ""
        # Past a progress bar.
        tqdm.write(f"step {state.global_step}/{state.max_steps}  {told(finding)}{end}", file=sys.stderr)
        return True

    def _look_back(self) -> bool:
        """Look again at each step at which it was looked before; whether something was found."""
        return bool(self._kept_apart(self._findings_so_far))

    def _findings_so_far(self) -> list[Finding]:
        records = read_journal(self.journal.path)
        found = []
        for step in sorted({record["step"] for record in records if record["kind"] in ("train", "eval")}):
            if self._watch.is_due(step):
                found.append(self._watch.look(self.history([record for record in records if record["step"] <= step])))
        return [finding for finding in found if finding]

    def _kept_apart(self, find: Callable[[], Any]) -> Any:
        """What `find` returns; None, and no more looks, where it fails: hours of training are worth more."""
        try:
            return find()
        except Exception:
            self._watch = None
            traceback.print_exc()
            tqdm.write("the live diagnosis failed and is off from here on; the training goes on", file=sys.stderr)
            return None


def told(finding: Finding) -> str:
    """A finding in one line: what, since when, how sure, and what to do today."""
    symptom = SYMPTOMS[finding.name].removesuffix(".")
    today = f"; today: {line(finding.today[0].flags or finding.today[0].action)}" if finding.today else ""
    heading = f"{named(finding.name)}{since(finding)}, {weight(finding)}"
    return f"{heading}: {symptom[0].lower()}{symptom[1:]}{today}"


def _evaluation_follows(args, state, control) -> bool:
    """Whether the step that was just logged is evaluated too; at the end of an epoch that is decided later."""
    return control.should_evaluate or (args.eval_strategy == "epoch" and state.epoch == int(state.epoch))

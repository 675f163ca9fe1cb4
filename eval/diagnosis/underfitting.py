"""The training loss has settled far above what its task allows: flat and high."""

from math import log

from eval.diagnosis.advice import learning_rate
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import AT_CHANCE, accuracy, classes_of
from eval.diagnosis.series import is_flat, last_part, level, start_of, thinned

FEWEST = 8
"""Training losses."""
LATE = 0.5
"""The last share of the run that must be flat."""
HIGH = 0.6
"""A training loss is high from this share of ln K on."""
LEARNED = 0.5
"""An accuracy this far from a guess to perfect is not low."""
LOW = 0.5
"""An accuracy of training that is low whatever the classes may be."""
GAINED = 0.03
"""The least fall since the start, as a share of it; less is a plateau."""


def detect(history: History) -> Finding | None:
    """Find a training loss that fell, is flat now, and is still a large share of the loss of a guess.

    The scale must be known: K classes make a guess cost ln K (told by the run, or by a first accuracy of 1 / K with a
    first loss of ln K). Where only an accuracy of training tells, the confidence is under one half: a language model
    may be right on 4 of 10 tokens and well. Without either nothing is said. Told from undertrained by the flat end,
    from a plateau by what was gained. Assumed: cross-entropy in nats, label smoothing off (with it only accuracies
    count). Of 2,000 healthy simulated runs (tests/eval/diagnosis/simulated.py) none is called this.
    """
    curve = thinned(history.train)
    if len(curve) < FEWEST or not is_flat(last_part(curve, LATE, 4)):
        return None
    start, end = start_of(curve), level(last_part(curve, 0.2, 2).value)
    fall = (start - end) / (abs(start) or 1.0)
    if fall < GAINED:
        return None
    accuracies = [level(last_part(share, 0.25).value) for share in _accuracies(history)]
    classes = classes_of(history)
    evidence = {"training_loss_at_the_end": end, "fall": fall}
    if accuracies:
        evidence["best_accuracy_at_the_end"] = max(accuracies)
    if classes is None:
        own = accuracy(history.train_metrics)
        if not len(own) or max(accuracies) > LOW or not is_flat(last_part(own, LATE, 4), 0.05):
            return None
        return _finding(history, curve, evidence, 0.4)
    guess = log(classes)
    evidence |= {"classes": float(classes), "level_of_a_guess": guess}
    if accuracies and (max(accuracies) - 1 / classes) / (1 - 1 / classes) > LEARNED:
        return None
    smoothed = bool(history.settings.get("label_smoothing_factor"))
    if smoothed and not accuracies:
        return None
    if not smoothed and not HIGH * guess <= end < (1 - AT_CHANCE) * guess:
        return None
    return _finding(history, curve, evidence, 0.8 if history.classes else 0.6)


def _accuracies(history: History) -> list[Curve]:
    return [share for curves in (history.train_metrics, history.metrics) if len(share := accuracy(curves))]


def _finding(history: History, curve: Curve, evidence: dict[str, float], confidence: float) -> Finding:
    flat = last_part(curve, LATE, 4)
    if "level_of_a_guess" in evidence:
        end, guess = evidence["training_loss_at_the_end"], evidence["level_of_a_guess"]
        classes = f"{evidence['classes']:.0f} classes"
        shown = f"the training loss settles at {end:.3g}, {end / guess:.0%} of that of a guess among {classes}"
    else:
        shown = f"the training loss is flat at an accuracy of {evidence['best_accuracy_at_the_end']:.0%}"
    small = Cause(cause="the network, or the part of it that learns, is too small for the task", for_=[shown])
    if history.settings.get("tuning") == "frozen":
        small.for_.append("only the head is trained: --tuning frozen")
    strong = Cause(cause="too much regularisation")
    for flag in ("dropout", "weight_decay", "label_smoothing_factor"):
        value = history.settings.get(flag)
        if isinstance(value, int | float) and value:
            (strong.for_ if value >= 0.3 else strong.against).append(f"--{flag} is {value:g}")
    causes = [small, Cause(cause="labels that are partly wrong, or not to be told from the text"), strong]
    if history.settings.get("tuning") != "frozen" and any("is" in reason for reason in strong.for_):
        causes = [strong, *causes[:2]]
    return Finding(
        name=Name.UNDERFITTING,
        severity=0.6,
        confidence=confidence,
        onset=Onset(float(flat.step[0]), history.epoch_at(float(flat.step[0]))),
        evidence=evidence,
        causes=causes,
        ruled_out=[
            RuledOut(Name.UNDERTRAINED, f"the last {LATE:.0%} of the run is flat: more of the same brings nothing"),
            RuledOut(Name.PLATEAU, f"the training loss did fall, by {evidence['fall']:.0%}"),
        ],
        today=[
            learning_rate(history, 3),
            Action("train all of it", "--tuning full"),
            Action("less regularisation", "--dropout 0 --weight_decay 0"),
        ],
        next_week=["a larger network", "have 100 training rows labelled again: how many labels are wrong?"],
        confirm_by=[
            "the accuracy on training rows, dropout off",
            "the same run on 32 rows: it should learn them by heart",
        ],
    )

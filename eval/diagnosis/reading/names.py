"""What the name of a column or key in a training log means."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

STEPS = ["global_step", "step", "steps", "iteration", "iterations", "iter", "iters", "it", "update", "updates", "batch"]
EPOCHS = ["epoch", "epochs", "ep", "epoch_num", "epoch_number"]
TRAINING = {"train", "training", "tr", "trn", "trainer"}
EVALUATION = ["eval", "evaluation", "val", "valid", "validation", "dev", "heldout", "test", "testing"]
"""The first that a log has is the one that is read."""
KINDS = {"kind", "split", "phase", "mode", "subset", "stage"}
"""Columns that say of a row whether it is of training or of an evaluation."""

LOSSES = {"loss", "losses", "cost", "objective"}
FILLERS = {"avg", "average", "mean", "epoch", "step", "batch", "running", "total", "value", "cross", "entropy", "nll"}
_GENERATION = "wer cer ter bleu sacrebleu rouge rouge1 rouge2 rougel rougelsum meteor chrf comet map map50"
_METRICS = (
    "acc accuracy accuracies f1 precision recall auc auroc roc ap iou miou dice jaccard mcc matthews kappa mae mse "
    "rmse mape r2 perplexity ppl bpc pearson spearman correlation ndcg mrr specificity sensitivity top1 top5 ssim psnr "
    "fid score reward rewards em"
)
_NO_FIGURES = (
    "runtime second seconds sec time times timestamp date datetime wall flos flops memory mem gpu cpu tokens samples "
    "elapsed eta duration id seed size count"
)
GENERATION = frozenset(_GENERATION.split())
"""Metrics that nobody measures on training data: without a prefix they are of an evaluation."""
METRICS = GENERATION | frozenset(_METRICS.split())
NO_FIGURES = frozenset(_NO_FIGURES.split())
"""Words in the names of what is logged beside the figures."""
KNOWN = "epoch, step, loss, train_loss, eval_loss, val_loss, learning_rate, grad_norm, metrics as accuracy or val_f1"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The quantity under a name: step, epoch, loss, learning_rate, grad_norm, a metric, or a part of the loss."""

    quantity: str
    split: str | None = None
    """train, a word of EVALUATION, or None where the name does not tell."""
    part: bool = False
    """Whether it is one of several losses, as box_loss is."""


@dataclass(slots=True)
class Roles:
    """Which columns of a log are what; a loss may be the sum of several columns."""

    step: str | None = None
    epoch: str | None = None
    train: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)
    learning_rate: str | None = None
    grad_norm: str | None = None
    metrics: dict[str, str] = field(default_factory=dict)
    train_metrics: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def has_figures(self) -> bool:
        return bool(
            self.train or self.validation or self.metrics or self.train_metrics or self.learning_rate or self.grad_norm
        )


def normalised(name: str) -> str:
    """A name in small letters and underscores: "Val Loss", "valLoss" and "val/loss" become val_loss."""
    if name.strip() == "#":
        return "step"
    name = name.rsplit(" - ", 1)[-1]  # Weights & Biases exports put the run before it
    name = re.sub(r"(?<=[a-z])(?=(Loss|Acc|Accuracy|Rate|Norm|Step|Epoch)(?![a-z]))", "_", name)
    name = re.sub(r"\((?!train|val|eval|test)[^)]*\)", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9#]+", "_", name.lower()).strip("_")


def meaning(name: str) -> Meaning | None:
    """What a name stands for; None where it is no figure of training, or not known to be one."""
    if name.endswith(("__MIN", "__MAX")):
        return None
    plain = normalised(name)
    words = plain.split("_")
    split = next((word for word in words if word in EVALUATION), None)
    if split is None:
        split = "train" if TRAINING & set(words) else "eval" if words[0] == "metrics" else None
    rest = [word for word in words if word not in TRAINING and word not in EVALUATION and word != "metrics"]
    bare = "_".join(rest)
    if bare in STEPS or bare in EPOCHS:
        # eval_step and val_epoch count something else.
        position = "step" if bare in STEPS else "epoch"
        return Meaning(position) if split in (None, "train") else None
    if "learning_rate" in bare or any(re.fullmatch(r"lr\d*", word) for word in rest):
        return Meaning("learning_rate")
    if re.fullmatch(r"(total_|global_|mean_|avg_)?(grads?|gradients?)_?norm(_total|_l2)?|gnorm", bare):
        return Meaning("grad_norm")
    if not rest or NO_FIGURES & set(rest):
        return None
    if LOSSES & set(rest):
        whole = set(rest) <= LOSSES | FILLERS
        return Meaning("loss", split) if whole else Meaning(bare, split, part=True)
    if split in EVALUATION or METRICS & set(rest):
        accuracy = re.fullmatch(r"acc|((sparse_)?categorical_|binary_)acc(uracy)?", bare)
        return Meaning("accuracy" if accuracy else bare, split)
    return None


def roles(names: Iterable[str], counts: Mapping[str, int] = MappingProxyType({})) -> Roles:
    """Say which column is what, by name and by how many figures it holds.

    Where several columns could be one thing the plainest name wins, then the order of EVALUATION. A metric whose name
    does not tell is one of training if the same name is there for an evaluation, or beside a plain "loss" as Keras and
    the Trainer log it; else it is one of an evaluation.
    """
    found = Roles()
    known = {name: what for name in names if (what := meaning(name))}
    order = {word: rank for rank, word in enumerate([None, "train", *EVALUATION])}
    ranked = sorted(known, key=lambda name: (order[known[name].split], len(normalised(name))))
    found.step = next(iter(sorted((n for n in known if known[n].quantity == "step"), key=_step_rank)), None)
    found.epoch = next((name for name in ranked if known[name].quantity == "epoch"), None)
    found.learning_rate = next((name for name in known if known[name].quantity == "learning_rate"), None)
    found.grad_norm = next((name for name in known if known[name].quantity == "grad_norm"), None)

    ranked = [name for name in ranked if known[name].quantity not in ("step", "epoch", "learning_rate", "grad_norm")]
    evaluated = {what.quantity for what in known.values() if what.split in EVALUATION}
    trained = {what.quantity for what in known.values() if what.split == "train"}
    plain = any(what.split is None and (what.part or what.quantity == "loss") for what in known.values())
    losses: dict[bool, list[str]] = {True: [], False: []}
    parts: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for name in ranked:
        what = known[name]
        of_evaluation = what.split in EVALUATION
        if what.split is None and what.quantity != "loss" and not what.part and what.quantity not in evaluated:
            generated = GENERATION & set(what.quantity.split("_"))
            of_evaluation = bool(what.quantity in trained or generated or not plain)
        if what.quantity == "loss":
            losses[of_evaluation].append(name)
        elif what.part:
            parts[of_evaluation].setdefault(what.quantity, name)
        else:
            (found.metrics if of_evaluation else found.train_metrics).setdefault(what.quantity, name)
    # Of training losses the one logged most often, before that of an epoch; then one that is named so.
    losses[False].sort(key=lambda name: (-counts.get(name, 0), known[name].split is None))
    found.train, found.validation = losses[False][:1], losses[True][:1]
    _settle_parts(found, parts)
    return found


def _settle_parts(found: Roles, parts: dict[bool, dict[str, str]]) -> None:
    """Sum the parts of a loss where the sum is not logged; other parts are metrics."""
    of_training, of_evaluation = parts[False], parts[True]
    if of_training and not found.train and (not found.validation or of_training.keys() == of_evaluation.keys()):
        found.train = list(of_training.values())
        of_training = {}
        if of_evaluation and not found.validation:
            found.validation = [name for part, name in of_evaluation.items() if part in parts[False]]
            of_evaluation = {part: name for part, name in of_evaluation.items() if part not in parts[False]}
        if len(found.train) > 1:
            found.notes.append(f"the loss is the sum of {listed(found.train)}")
    if of_evaluation and not found.validation:
        name, *others = of_evaluation.values()
        found.validation = [name]
        if others:
            found.notes.append(f"of {listed(of_evaluation.values())} the first is taken as the validation loss")
        of_evaluation = {part: name for part, name in of_evaluation.items() if name in others}
    found.metrics.update(of_evaluation)
    found.train_metrics.update(of_training)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in one line, however many and whatever is in them."""
    names = [" ".join(str(name).split())[:30] or '""' for name in names]
    names = ["".join(character if character.isprintable() else "?" for character in name) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _step_rank(name: str) -> int:
    return STEPS.index("_".join(word for word in normalised(name).split("_") if word not in TRAINING))

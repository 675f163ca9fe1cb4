"""What a card says of the training: data, settings, curves, incidents, cost, and how to repeat it."""

import dataclasses
from pathlib import Path
from typing import Any

from eval.cards.facts import Facts
from eval.diagnosis.finding import Action, Finding, Name
from eval.diagnosis.incident import AT_A_GLANCE, NO_INCIDENT
from eval.diagnosis.words import SYMPTOMS, figures, in_a_row, line, named, sentence, since, weight
from eval.markup import escape, percent, text_table
from eval.parts import counted
from eval.treatment.sections import cause_line, mitigation_line

ALWAYS = {
    "learning_rate": "learning rate, at its peak",
    "lr_scheduler_type": "schedule",
    "warmup_steps": "warm-up (steps; below 1 a share of the run)",
    "num_train_epochs": "epochs, at most",
    "per_device_train_batch_size": "rows a step and process",
    "max_length": "tokens of a text, at most",
    "optim": "optimiser",
    "weight_decay": "weight decay",
    "max_grad_norm": "gradients clipped to a norm of",
    "precision": "precision",
    "seed": "seed",
}
"""Settings that every reader wants to know."""
WHERE_SET = {
    "augment": "edited copies of a training row",
    "dropout": "dropout",
    "early_stopping_patience": "evaluations without improvement before it stops",
    "tokenizer": "tokenizer borrowed from",
}
"""Further settings of train/run.py, told where they are set."""
LORA = {"lora_rank": "LoRA rank", "lora_alpha": "LoRA alpha", "lora_dropout": "LoRA dropout"}
NO_MATTER = (
    *("bf16", "fp16", "debug", "disable_tqdm", "include", "load_best", "local_rank", "log", "metric_for_best"),
    *("output_dir", "per_device_eval", "project", "push_to_hub", "report_to", "run_name", "trackio", "use_c"),
    *("dataloader", "ddp", "eval", "hub", "save", "greater_is_better", "prediction_loss_only", "resume", "overwrite"),
)
"""How settings begin that change nothing of what is learned, or are told elsewhere."""
VERDICTS = {
    Name.HEALTHY: "The log of the training shows nothing wrong.",
    Name.INSUFFICIENT_EVIDENCE: "The log of the training does not tell enough for a diagnosis.",
}


def data(facts: Facts) -> str:
    """What it was trained on, how the rows were split, and how many test rows also stand in the training rows."""
    source, settings = facts.source, facts.settings
    if source is None:
        told = [f"Texts of its owner's, called “{escape(facts.corpus)}”."]
    else:
        told = [f"{source.said}: [{source.dataset}](https://huggingface.co/datasets/{source.dataset})."]
    known = source if source and settings.get("data_dir") is None and settings.get("cut_validation", True) else None
    sizes = {"training": known and known.train_rows, **{split: facts.rows(split) for split in ("validation", "test")}}
    if sizes["training"] and settings.get("max_train_samples"):
        sizes["training"] = min(sizes["training"], settings["max_train_samples"])
    told.append("Rows: " + ", ".join(f"{rows:,} {split}" for split, rows in sizes.items() if rows) + ".")
    if settings.get("max_train_samples") and not known:
        told.append(f"It was trained on {settings['max_train_samples']:,} rows at most, drawn at random.")
    if source and source.own_split:
        told.append(
            "All of them come from the dataset's training split, cut by this project: the figures do not compare with "
            "those on the dataset's own test split."
        )
    if settings.get("cut_validation") is False:
        told.append("Validation rows that were cut from the training rows were trained on too.")
    return "\n\n".join(filter(None, [" ".join(told), overlap(facts)]))


def overlap(facts: Facts) -> str:
    """How many test rows were trained on; nothing where that was not looked at."""
    found, judged = facts.metrics["overlap"], (facts.about or {}).get("overlap")
    told = []
    if found is not None:
        also = "also stands" if found["count"] == 1 else "also stand"
        told.append(
            f"**Overlap:** {found['count']:,} of {counted(found['total'], 'test row')} ({percent(found['share'])}) "
            f"{also} in the training rows, compared without case, punctuation and white space."
        )
    if judged:
        told.append(f"**{counted(judged, 'row')} that the evaluation rests on were trained on: its figures flatter.**")
    return " ".join(told)


def settings_table(facts: Facts) -> str:
    """The settings that matter, and those of the Trainer that are not its defaults."""
    settings = facts.settings
    wanted = ALWAYS | (LORA if facts.tuning == "lora" else {})
    shown = {said: settings[name] for name, said in wanted.items() if settings.get(name) is not None}
    shown |= {said: settings[name] for name, said in WHERE_SET.items() if settings.get(name)}
    if (steps := settings.get("max_steps") or 0) > 0:
        shown["steps"] = steps
        shown.pop(ALWAYS["num_train_epochs"], None)
    told = {*wanted, *WHERE_SET, "max_steps"}
    shown |= {named(name): value for name, value in unusual(settings).items() if name not in told}
    if facts.shape:
        shown["network"] = facts.shape
    return text_table(["setting", "value"], [[escape(said), escape(_said(value))] for said, value in shown.items()])


def unusual(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the Trainer that bear on what is learned and are not the defaults of transformers."""
    # It brings torch, which the rest of a card does without.
    from transformers import TrainingArguments

    found = {}
    for field in dataclasses.fields(TrainingArguments):
        value = settings.get(field.name)
        if value is None or field.name.startswith(NO_MATTER):
            continue
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        if value != getattr(default, "value", default):
            found[field.name] = value
    return found


def curves(facts: Facts) -> str:
    """How far the training went, and which of its models this is."""
    best, end = facts.metrics["best_step"], facts.history and facts.history.last_step
    if not end:
        return ""
    epoch = facts.history.epoch_at(end)
    told = f"The training went to step {end:,.0f}" + (f" (epoch {epoch:.3g})" if epoch is not None else "")
    if best is not None and facts.settings.get("load_best_model_at_end"):
        told += f"; this is the model of step {best:,}, the best by `{_code(facts.settings['metric_for_best_model'])}`"
    else:
        told += "; this is the last model"
    return f"{told}."


def incidents(facts: Facts) -> str:
    """What the diagnosis found, and what an experiment said of it."""
    if facts.verdict is None:
        return "" if facts.repo_id else f"Not diagnosed yet: `python eval/diagnose.py {facts.quoted[1]}` does."
    if facts.verdict in NO_INCIDENT or not facts.findings:
        return VERDICTS.get(facts.verdict, "")
    first, *others = facts.findings
    lines = [f"**{escape(sentence(named(first.name) + since(first)))}** {escape(sentence(weight(first)))}\n"]
    numbers = in_a_row(figures(first), AT_A_GLANCE)
    symptom = SYMPTOMS[first.name] + (f" {sentence(numbers)}" if numbers else "")
    lines.append(f"- **Symptom:** {escape(symptom)}")
    lines += _told_by_treatment(facts) or _told_by_log(first)
    if others:
        found = ", ".join(f"{named(other.name)}{since(other)}" for other in others)
        lines.append(f"- **Also found:** {escape(sentence(found))}")
    return "\n".join(lines)


def compute(facts: Facts) -> str:
    """Time, device and floating-point operations, as far as the run wrote them down."""
    settings = facts.settings
    ends = [event for event in facts.events if event["event"] == "train_end" and event.get("seconds")]
    resumed = any(event["event"] == "resume" for event in facts.events)
    worlds = [event["world_size"] for event in facts.events if event.get("world_size")]
    told = []
    if ends:
        since_when = " since it was last resumed" if resumed else ""
        told.append(f"{_duration(ends[-1]['seconds'])}{since_when}, evaluations and checkpoints included")
    device = "a CPU" if settings.get("use_cpu") else "a GPU or another accelerator" if "use_cpu" in settings else ""
    if settings.get("use_cpu") and settings.get("cpu_threads"):
        device += f" with {counted(settings['cpu_threads'], 'thread')}"
    if worlds:
        device += f", {worlds[-1]} process{'es' if worlds[-1] > 1 else ''}"
    told += [f"on {device}, {escape(settings.get('precision', ''))}".rstrip(", ")] if device else []
    if facts.flops:
        counted_here = facts.metrics.get("training")
        how = "" if counted_here else ", by the Trainer's estimate of 6 a parameter and token"
        how += "" if counted_here or facts.tuning == "full" else ", as if all parameters were trained"
        told.append(f"{facts.flops:.2g} floating-point operations{how}")
    if training := facts.metrics.get("training"):
        told.append(f"{training['tokens']:,} tokens read")
    return f"{sentence('; '.join(told))}" if told else ""


def versions(facts: Facts) -> str:
    """The versions that the run wrote down."""
    version = facts.config.get("transformers_version")
    return f"It was saved by transformers {escape(version)}. " if version else ""


def _told_by_treatment(facts: Facts) -> list[str]:
    if facts.treatment is None:
        return []
    return [told for told in (cause_line(facts.treatment), mitigation_line(facts.treatment)) if told]


def _told_by_log(finding: Finding) -> list[str]:
    told = [f"- **Probable cause:** {escape(sentence(finding.causes[0].cause))}"] if finding.causes else []
    return [*told, f"- **Remedy, not tried here:** {_action(finding.today[0])}."] if finding.today else told


def _action(action: Action) -> str:
    said = escape(action.action[:1].upper() + action.action[1:])
    return f"{said}: `{_code(action.flags)}`" if action.flags else said


def _code(text: object) -> str:
    return line(text).replace("`", "")


def _said(value: object) -> str:
    """A setting in words; of a path on the machine that trained only the last part."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={_said(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if abs(value) < 1e6 else str(value)
    return Path(value).name if str(value).startswith(("/", "~", ".")) else str(value)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return counted(round(seconds), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"

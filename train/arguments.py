"""The settings of one run: ours, and the Trainer's with the defaults of the fast recipe."""

import argparse
import math
import os
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

import torch
import yaml
from transformers import PreTrainedConfig, TrainingArguments

from callbacks.grad_norms import EVERY
from cli.errors import UsageError
from data.wordings.filling import MOST_WORDINGS
from eval.metrics import METRIC_NAMES
from eval.risks import RISKS
from models.cpu import cpu_has_fast_bf16
from models.reference_configs import REFERENCE_NETWORKS, reference_config


def setting(default, help: str, **kwargs):  # noqa: A002 (argparse's word)
    return field(default=default, metadata={"help": help, **kwargs})


class _Merge(argparse.Action):
    """Takes `depth=2,width=64` or a mapping in YAML or JSON; what comes later wins key by key, so flags over a file."""

    def __call__(self, parser, namespace, text, option_string=None):
        try:
            setattr(namespace, self.dest, (getattr(namespace, self.dest) or {}) | read_mapping(text))
        except ValueError as error:
            raise argparse.ArgumentError(self, str(error)) from error


def read_mapping(text: str) -> dict:
    """A mapping written as key=value,key=value, or in YAML or JSON; raises ValueError where it is neither."""
    if not text.lstrip().startswith("{"):
        # A colon and a space are what YAML has between key and value.
        text = "{" + ", ".join(pair.replace("=", ": ", 1) for pair in text.split(",")) + "}"
    try:
        mapping = yaml.safe_load(text)
    except yaml.YAMLError:
        mapping = None
    if not isinstance(mapping, dict) or None in mapping.values():
        raise ValueError("it is written depth=2,width=64, in YAML as a mapping")
    return mapping


@dataclass(kw_only=True)
class RunArguments:
    """What to train on, which network, what to record, and when to stop."""

    _argument_group_name: ClassVar[str] = "this project"

    corpus: str = setting("reviews", "reviews and imdb lie on this machine; sst2 comes from the Hub or --data_dir")
    data_dir: str | None = setting(None, "folder with train/validation(/test) as csv, tsv, jsonl or parquet")
    cut_validation: bool = setting(True, "drop training rows that stand inside sst2's validation sentences")
    allow_overlap: bool = setting(False, "go on although test texts stand in the training data; recorded")
    max_train_samples: int | None = setting(None, "train on this many rows, drawn at random with a fixed seed")
    max_eval_samples: int | None = setting(None, "validate and test on this many rows, drawn likewise")
    max_length: int = setting(128, "longer texts are cut to this many tokens")
    augment: float = setting(0.0, "edited copies that keep the label, as a share of the training rows: 0.5, 1, 2")
    swap_terms: float = setting(
        0.0, "copies about somebody else, as a share of the training rows that name a person, a place or a group"
    )
    wordings: int = setting(0, "sentences from the training templates, added to the training rows")
    consistency: float = setting(
        0.0, "weight of the consistency loss: how far the answers to a row and to its edited or swapped copy lie apart"
    )

    task: Literal["classification", "causal_lm"] = setting(
        "classification", "what is learned: the label of a text, or each next token"
    )
    model: str = setting(
        "embedded",
        "embedded (weights from a pip package), a Hub id, a folder, or a reference network with random weights: "
        + ", ".join(REFERENCE_NETWORKS),
    )
    model_config: dict | str | None = setting(
        None,
        "shape of a reference network: depth=2,width=64,positions=rotary; flags win over YAML key by key",
        action=_Merge,
    )
    tokenizer: str | None = setting(
        None, "whose tokenizer a reference network borrows, as --model names it; trained on the corpus when left out"
    )
    tuning: Literal["full", "lora", "frozen"] = setting("full", "what is trained: all, low-rank adapters, the head")
    dropout: float | None = setting(None, "dropout everywhere; the network's own when left out")
    lora_rank: int = setting(16, "rank of the adapters")
    lora_alpha: int = setting(32, "scale of the adapters is alpha / rank")
    lora_dropout: float = setting(0.05, "dropout before the adapters")
    lora_target_modules: list[str] | None = field(
        default=None, metadata={"help": "modules that get an adapter; every linear layer when left out"}
    )

    fast_cpu: bool = setting(True, "faster dropout and attention when training on a CPU")

    cpu_threads: int | None = setting(None, "threads on a CPU; this process's share of the cores when left out")

    grad_norm_steps: int = setting(EVERY, "record gradient norms by layer every so many steps; 0 turns it off")
    grad_norm_per_parameter: bool = setting(False, "record them for every parameter too")
    layer_gain_steps: int = setting(0, "record what each layer of a deep_mlp multiplies the gradient by, likewise")
    optimizer_signal_steps: int = setting(0, "record effective steps and second moments by layer, likewise")
    early_stopping_patience: int | None = setting(None, "stop after this many evaluations without improvement")
    early_stopping_min_delta: float = setting(0.0, "an improvement is more than this")
    early_stopping_smoothing: float = setting(0.0, "weight of the past in the smoothed metric, 0 to 1")

    measure: str | None = setting(None, f"measure at the end how reliable the answers are: {','.join(RISKS)}, or some")
    answers: Literal["raw", "calibrated", "verified"] = setting(
        "raw", "how it answers then: as the network does, by temperature, or checked against the nearest training texts"
    )
    remember: bool = setting(False, "in dialogues, remember what was judged before")

    on_finding: Literal["ignore", "warn", "stop"] = setting(
        "warn", "what is wrong with the run, while it is under way: say it once (warn), stop too, or do not look"
    )

    resume: str | None = setting(
        None, "go on from the last complete checkpoint, or from the one named", nargs="?", const="last"
    )
    overwrite: bool = setting(False, "delete the run that stands in --output_dir and start again")
    json: bool = setting(False, "print metrics.json on standard output and nothing else there")

    def __post_init__(self) -> None:
        for name in ("max_train_samples", "max_eval_samples", "early_stopping_patience", "cpu_threads"):
            value = getattr(self, name)
            _require(value is None or value > 0, name, value, "a whole number above 0")
        for name in ("max_length", "lora_rank", "lora_alpha"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "a whole number above 0")
        self._check_network()
        for name in ("augment", "swap_terms", "consistency"):
            _require(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "0 or more")
        _require(0 <= self.wordings <= MOST_WORDINGS, "wordings", self.wordings, f"0 to {MOST_WORDINGS}")
        if self.task == "causal_lm":
            for name, does in (
                ("augment", "makes copies that keep the label"),
                ("swap_terms", "makes copies that keep the label"),
                ("wordings", "adds sentences with a label"),
                ("consistency", "compares the labels that two texts get"),
            ):
                if getattr(self, name):
                    raise UsageError(f"--{name} {does}, and --task causal_lm has none: leave it out")
        _require(self.dropout is None or 0 <= self.dropout < 1, "dropout", self.dropout, "between 0 and 1")
        _require(0 <= self.lora_dropout < 1, "lora_dropout", self.lora_dropout, "between 0 and 1")
        _require(
            0 <= self.early_stopping_min_delta < math.inf,
            "early_stopping_min_delta",
            self.early_stopping_min_delta,
            "0 or more",
        )
        for name in ("grad_norm_steps", "layer_gain_steps", "optimizer_signal_steps"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 (off) or more")
        if self.layer_gain_steps and self.model != "deep_mlp":
            raise UsageError(f"--layer_gain_steps looks into the layers of deep_mlp, and --model is {self.model}")
        _require(
            0 <= self.early_stopping_smoothing < 1,
            "early_stopping_smoothing",
            self.early_stopping_smoothing,
            "between 0 and 1",
        )
        self._check_measures()

    @property
    def risks(self) -> tuple[str, ...]:
        """What --measure names, in the order of eval/reliability."""
        named = [name.strip() for name in self.measure.split(",")] if self.measure else []
        return tuple(risk for risk in RISKS if risk in named)

    @property
    def reference(self) -> PreTrainedConfig | None:
        """A new configuration of the reference network that is asked for, or None for a pretrained one."""
        if self.model not in REFERENCE_NETWORKS:
            return None
        return reference_config(self.model, self.model_config or {}, causal=self.task == "causal_lm")

    def _check_measures(self) -> None:
        if not self.measure:
            if self.answers != "raw" or self.remember:
                name = "--remember" if self.remember else f"--answers {self.answers}"
                raise UsageError(f"{name} is how a run answers what --measure asks: add it, or leave {name} out")
            return
        if self.task == "causal_lm":
            raise UsageError("--measure asks for judgements, and --task causal_lm makes none: leave it out")
        for name in self.measure.split(","):
            if name.strip() not in RISKS:
                raise UsageError(f"--measure has {name.strip()!r}: it is some of {','.join(RISKS)}, as written here")

    def _check_network(self) -> None:
        if self.reference is None:
            for name in ("model_config", "tokenizer"):
                if getattr(self, name) is not None:
                    known = " and ".join(REFERENCE_NETWORKS)
                    raise UsageError(f"--{name} is for the reference networks, {known}, and --model is {self.model}")
        if self.tokenizer and "vocab_size" in (self.model_config or {}):
            raise UsageError("--model_config: a borrowed --tokenizer brings its own vocabulary: leave vocab_size out")
        _require(self.task != "causal_lm" or self.max_length > 1, "max_length", self.max_length, "2 or more")


@dataclass(kw_only=True)
class TrainerArguments(TrainingArguments):
    """Every field of transformers.TrainingArguments but hub_token; what differs from its defaults stands here."""

    _argument_group_name: ClassVar[str] = "transformers.TrainingArguments"

    output_dir: str | None = setting(None, "the run directory; runs/<name of the config> when left out")
    precision: Literal["auto", "bf16", "fp16", "fp32"] = setting("auto", "auto: bf16 where the hardware is fast at it")
    bf16: bool | None = setting(None, "another word for --precision bf16", nargs="?", const=True)
    fp16: bool | None = setting(None, "another word for --precision fp16", nargs="?", const=True)
    learning_rate: float = setting(5e-5, "peak learning rate")
    warmup_steps: float = setting(0.1, "steps of linear warm-up; below 1 a share of the run")
    weight_decay: float = setting(0.01, "AdamW's weight decay, on everything but biases and norms")
    per_device_train_batch_size: int = setting(32, "rows a step and process")
    per_device_eval_batch_size: int = setting(64, "rows a step and process in evaluation")
    optim: str = setting("adamw_torch_fused", "the optimiser")
    train_sampling_strategy: str = setting("group_by_length", "group_by_length, random or sequential")
    logging_steps: float = setting(20, "log the training loss every so many steps")
    logging_nan_inf_filter: bool = setting(False, "off, so that a NaN is seen")
    eval_strategy: str = setting("epoch", "when to evaluate: no, steps, epoch")
    save_strategy: str = setting("epoch", "when to save a checkpoint: no, steps, epoch, best")
    save_total_limit: int | None = setting(2, "checkpoints kept, the best one always among them")
    load_best_model_at_end: bool = setting(True, "the run's model is the best one, not the last")
    metric_for_best_model: str | None = setting("eval_loss", "what best means")
    report_to: list[str] = field(
        default_factory=lambda: ["tensorboard"], metadata={"help": "none, tensorboard, wandb, …"}
    )

    # What stands for these is said in train/config.py, INSTEAD.
    hub_token: str | None = field(default=None, init=False)
    resume_from_checkpoint: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._check()
        self.use_cpu = self.use_cpu or not torch.accelerator.is_available()
        self.precision = resolve_precision(self._wanted_precision(), self.use_cpu)
        self.bf16, self.fp16 = self.precision == "bf16", self.precision == "fp16"
        if "ACCELERATE_MIXED_PRECISION" in os.environ:
            # What a user's `accelerate config` says would win over fp32.
            os.environ["ACCELERATE_MIXED_PRECISION"] = "no" if self.precision == "fp32" else self.precision
        super().__post_init__()
        # One process with several GPUs would get DataParallel; accelerate launch gives each GPU its process.
        self._n_gpu = min(self._n_gpu, 1)

    def _wanted_precision(self) -> str:
        for name in ("bf16", "fp16"):
            said = getattr(self, name)
            if said is not None and self.precision != "auto" and said != (self.precision == name):
                raise UsageError(
                    f"--{name} {str(said).lower()} contradicts --precision {self.precision}: leave one out"
                )
        if self.bf16 and self.fp16:
            raise UsageError("--bf16 and --fp16 contradict each other: leave one out")
        if self.precision != "auto":
            return self.precision
        return "bf16" if self.bf16 else "fp16" if self.fp16 else "fp32" if self.bf16 is False else "auto"

    def _check(self) -> None:
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            _require(not isinstance(value, float) or math.isfinite(value), name, value, "a finite number")
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require(self.num_train_epochs > 0 or self.max_steps > 0, "num_train_epochs", self.num_train_epochs, "above 0")
        for name in ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "a whole number above 0")
        for name in ("weight_decay", "max_grad_norm", "seed"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("label_smoothing_factor", "adam_beta1", "adam_beta2"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 or more and below 1")
        orders = ("group_by_length", "random", "sequential", "batch_rebalance")
        order = self.train_sampling_strategy
        _require(order in orders, "train_sampling_strategy", order, f"one of {', '.join(orders)}")
        metric = self.metric_for_best_model
        metrics = ("loss", *METRIC_NAMES)
        known = metric is None or metric.removeprefix("eval_") in metrics
        _require(known, "metric_for_best_model", metric, f"one of {', '.join(metrics)}")


def resolve_precision(wanted: str, use_cpu: bool) -> str:
    """bf16 where the GPU or the CPU computes faster in it, fp32 elsewhere, unless `wanted` already says."""
    if wanted != "auto":
        return wanted
    on_gpu = torch.cuda.is_available() and not use_cpu
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else cpu_has_fast_bf16()
    return "bf16" if fast else "fp32"


def _require(condition: bool, name: str, value: object, wanted: str) -> None:
    if not condition:
        raise UsageError(f"--{name} is {value}: it must be {wanted}")

"""Fine-tune a sentiment classifier, or train a reference network from the start.

accelerate launch train/run.py                                   embedded corpus and weights, no network
accelerate launch train/run.py --config train/configs/sst2.yaml  SST-2 from the Hub (or --data_dir DIR)
python train/run.py --model transformer --task causal_lm         a language model from random weights
python train/run.py --help                                       every setting
"""

import contextlib
import copy
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import datasets
import torch
import transformers
from transformers import PrinterCallback, TrainerCallback, set_seed

from callbacks.diagnosis import LiveDiagnosis
from callbacks.early_stopping import EarlyStopping
from callbacks.grad_norms import GradNorms, epoch_table
from callbacks.interrupt import Interrupt, Interrupted
from callbacks.journal import JournalCallback
from callbacks.layer_gains import LayerGains
from callbacks.non_finite import NonFinite, NonFiniteGuard
from callbacks.optimizer_signals import OptimizerSignals
from callbacks.progress import PlainProgress
from callbacks.tensorboard import TensorBoard
from cli.errors import UsageError
from cli.processes import is_main_process, on_main_process, say, use_cpu_threads
from cli.script import run_script
from data.augmentation import augment
from data.corpora import Corpus, load_corpus
from data.counterfactuals import swap_terms
from data.overlap import check_overlap
from data.splits import draw
from data.tokenizer import train_tokenizer
from data.twins import add_twins, add_wordings
from data.wordings.filling import wordings
from eval.diagnosis.document import commands_of, write
from eval.diagnosis.reading.run import classes_of, history_of_records, settings_of_run
from eval.diagnosis.verdict import diagnose
from eval.diagnosis.words import named, since, weight
from eval.run_directory import (
    Journal,
    RunDirectory,
    read_journal,
    read_metrics,
    write_json,
    write_test_predictions,
)
from eval.verdicts import RELIABILITY
from models.fast_cpu import speed_up_training
from models.loading import check_max_length, load_classifier, load_language_model, load_tokenizer, new_network
from models.losses import consistent_cross_entropy
from models.tuning import add_lora, freeze_encoder
from train.arguments import RunArguments, TrainerArguments
from train.config import one_line, parse
from train.measuring import measure
from train.opening import lock, open_run
from train.publishing.pushing import pushing_asked_for
from train.results import cost_of_training, export_model, judge, metrics_document, metrics_table
from train.tasks import TASKS, class_probabilities
from train.trainer import ClinicTrainer


def main(
    args: RunArguments, trainer_args: TrainerArguments, settings: dict, callbacks: Sequence[TrainerCallback] = ()
) -> dict:
    """Train, keep the best model, judge it; returns what metrics.json holds. `callbacks` come after our own."""
    run = RunDirectory(trainer_args.output_dir)
    with contextlib.ExitStack() as stack:
        if is_main_process():
            stack.enter_context(lock(run))
        opening = on_main_process(lambda: open_run(run, args, settings))
        if opening.finished:
            metrics = read_metrics(run.metrics)
            say(f"{run.path} is finished; --overwrite trains it again.\n\n{metrics_table(metrics)}")
            # What was cut short, or failed, when the run had just been trained.
            if args.risks and RELIABILITY not in metrics and is_main_process():
                metrics |= measure(args, run, prepare_corpus(args)[0], trainer_args.seed)
            return metrics
        return fine_tune(args, trainer_args, run, opening.checkpoint, callbacks)


def fine_tune(
    args: RunArguments,
    trainer_args: TrainerArguments,
    run: RunDirectory,
    checkpoint: Path | None,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict:
    """The whole way from texts to a judged model in the run directory."""
    # One progress bar, the run's, is enough.
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    threads = use_cpu_threads(args.cpu_threads)
    set_seed(trainer_args.seed)
    task = TASKS[args.task]
    corpus, overlap = prepare_corpus(args)
    as_it_is = corpus
    tokenizer = prepare_tokenizer(args, corpus)
    model = prepare_model(args, tokenizer, corpus.label_names)
    # After the tokenizer, which is to know the words of the texts as they are.
    corpus = dataclasses.replace(corpus, train=enlarge(corpus.train, args, trainer_args.seed))
    splits = {
        split: task.tokenize(getattr(corpus, split), tokenizer, args.max_length)
        for split in ("train", "validation", "test")
    }
    needed = trainer_args.train_batch_size * trainer_args.world_size
    if trainer_args.dataloader_drop_last and len(splits["train"]) < needed:
        raise UsageError(f"--dataloader_drop_last leaves no batch: {len(splits['train'])} rows, {needed} a step")
    trainer = prepare_trainer(args, trainer_args, run, model, tokenizer, splits)
    for callback in callbacks:
        trainer.add_callback(callback)
    describe(args, trainer_args, corpus, overlap, model, threads)

    try:
        train(trainer, args, checkpoint)
    except NonFinite:
        if trainer.is_world_process_zero():
            say(diagnose_run(run))
        raise
    if norms := epoch_table(read_journal(run.journal)):
        say(f"\n{norms}")

    best_step = trainer.state.best_global_step if trainer_args.load_best_model_at_end else None
    best_step = best_step or trainer.state.global_step
    validation, test = (trainer.predict(splits[split]) for split in ("validation", "test"))
    training = cost_of_training(trainer) if args.task == "causal_lm" else None
    metrics = metrics_document(corpus.name, overlap, best_step, judge(validation, task), judge(test, task), training)
    export_model(trainer, run)
    if trainer.is_world_process_zero():
        trainer.state.save_to_json(str(run.trainer_state))
        if args.task == "classification":
            probabilities = class_probabilities(test.predictions)
            write_test_predictions(run.test_predictions, corpus.label_names, test.label_ids, probabilities)
        try:
            verdict = diagnose_run(run)
        finally:
            # Whatever a diagnosis may stumble over, the run has its figures and is finished.
            write_json(run.metrics, metrics)
    say(f"\n{metrics_table(metrics)}\n")
    if args.risks and trainer.is_world_process_zero():
        metrics |= measure(args, run, as_it_is, trainer_args.seed)
    kept = f"the best model: step {best_step}, by {trainer_args.metric_for_best_model}"
    say(f"{run.path} holds {kept if trainer_args.load_best_model_at_end else f'the last model: step {best_step}'}.")
    if trainer.is_world_process_zero():
        say(verdict)
    if args.task == "classification":
        say(f"Try it next: make app, or python space/app.py --model {run.path}")
    return metrics


def prepare_corpus(args: RunArguments):
    """The corpus, cut down where asked for, and its overlap check."""
    corpus = load_corpus(args.corpus, data_dir=args.data_dir, cut_validation=args.cut_validation)
    overlap = check_overlap(corpus.train, corpus.test, allow=args.allow_overlap)
    limits = {"train": args.max_train_samples, "validation": args.max_eval_samples, "test": args.max_eval_samples}
    return dataclasses.replace(corpus, **{k: draw(getattr(corpus, k), n) for k, n in limits.items()}), overlap


def enlarge(rows: datasets.Dataset, args: RunArguments, seed: int) -> datasets.Dataset:
    """The training rows with the copies, sentences and twins that are asked for; the same ones for the same seed."""
    if args.augment:
        rows = augment(rows, args.augment, seed)
    if args.swap_terms:
        rows = swap_terms(rows, args.swap_terms, seed)
    if args.consistency:
        rows = add_twins(rows, seed)
    if args.wordings:
        # A sentence without a verdict is of use only beside its twin.
        rows = add_wordings(rows, wordings(args.wordings, seed, neutral=args.consistency > 0))
    return rows


def prepare_tokenizer(args: RunArguments, corpus: Corpus):
    """The network's tokenizer; a reference network borrows one, or gets its own, trained on the training texts."""
    if args.reference is None or args.tokenizer:
        return load_tokenizer(args.tokenizer or args.model)
    try:
        return on_main_process(lambda: train_tokenizer(corpus.train["text"][:], args.reference.vocab_size))
    except ValueError as error:
        raise UsageError(f"--model_config: {error}") from error


def prepare_model(args: RunArguments, tokenizer, label_names: tuple[str, ...]):
    """The network with what is to be trained of it."""
    model = load_network(args, tokenizer, label_names)
    check_max_length(model.config, args.max_length)
    if args.tuning == "frozen":
        return freeze_encoder(model)
    if args.tuning == "lora":
        return add_lora(
            model,
            rank=args.lora_rank,
            alpha=args.lora_alpha,
            dropout=args.lora_dropout,
            target_modules=args.lora_target_modules,
        )
    return model


def load_network(args: RunArguments, tokenizer, label_names: tuple[str, ...]):
    """The pretrained network, or the reference network with random weights, under the head of the task."""
    if args.reference is not None:
        names = None if args.task == "causal_lm" else label_names
        return new_network(
            args.reference, tokenizer, max_length=args.max_length, label_names=names, dropout=args.dropout
        )
    if args.task == "causal_lm":
        return load_language_model(args.model, dropout=args.dropout)
    return load_classifier(args.model, label_names, dropout=args.dropout)


def prepare_trainer(args, trainer_args, run: RunDirectory, model, tokenizer, splits) -> ClinicTrainer:
    """The Trainer with our callbacks."""
    trainer_args = copy.copy(trainer_args)
    wants_tensorboard = "tensorboard" in trainer_args.report_to
    trainer_args.report_to = [name for name in trainer_args.report_to if name != "tensorboard"]
    # train/publishing/pushing.py pushes, by a list of what may be published and with the card.
    trainer_args.push_to_hub = False
    task = TASKS[args.task]
    if args.task == "causal_lm":
        trainer_args.include_num_input_tokens_seen = "non_padding"
    trainer_args.disable_tqdm = trainer_args.disable_tqdm or not sys.stderr.isatty()
    trainer = make_trainer(
        model=model,
        args=trainer_args,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        data_collator=task.collator(pad_token_id=tokenizer.pad_token_id),
        compute_loss_func=loss_of(args, trainer_args),
        compute_metrics=task.compute_metrics,
        preprocess_logits_for_metrics=task.preprocess_logits,
    )
    trainer.remove_callback(PrinterCallback)
    if trainer_args.disable_tqdm:
        trainer.add_callback(PlainProgress())
    sinks = []
    if wants_tensorboard:
        tensorboard = TensorBoard(run.tensorboard)
        trainer.add_callback(tensorboard)
        sinks.append(tensorboard.write_grad_norms)

    journal = Journal(run.journal)
    trainer.add_callback(JournalCallback(journal))
    trainer.add_callback(NonFiniteGuard(journal))
    if args.grad_norm_steps:
        trainer.add_callback(
            GradNorms(journal, every=args.grad_norm_steps, per_parameter=args.grad_norm_per_parameter, sinks=sinks)
        )
    if args.layer_gain_steps:
        trainer.add_callback(LayerGains(journal, every=args.layer_gain_steps))
    if args.optimizer_signal_steps:
        trainer.add_callback(OptimizerSignals(journal, every=args.optimizer_signal_steps))
    if args.early_stopping_patience:
        trainer.add_callback(
            EarlyStopping(
                trainer_args.metric_for_best_model,
                greater_is_better=trainer_args.greater_is_better,
                min_delta=args.early_stopping_min_delta,
                patience=args.early_stopping_patience,
                smoothing=args.early_stopping_smoothing,
                journal=journal,
            )
        )
    if args.on_finding != "ignore":
        classes = model.config.vocab_size if args.task == "causal_lm" else model.config.num_labels
        trainer.add_callback(LiveDiagnosis(journal, classes=classes, stop=args.on_finding == "stop"))
    return trainer


def loss_of(args: RunArguments, trainer_args: TrainerArguments) -> Callable[..., torch.Tensor]:
    """What the Trainer minimises."""
    smoothing = trainer_args.label_smoothing_factor
    if args.consistency:
        return partial(consistent_cross_entropy, weight=args.consistency, label_smoothing=smoothing)
    return partial(TASKS[args.task].loss, label_smoothing=smoothing)


def make_trainer(**kwargs) -> ClinicTrainer:
    """The Trainer, or one line on what its settings ask for and this machine lacks."""
    try:
        return ClinicTrainer(**kwargs)
    except (ValueError, ImportError, RuntimeError) as error:
        raise UsageError(one_line(error)) from error


def train(trainer: ClinicTrainer, args: RunArguments, checkpoint: Path | None) -> None:
    """Train from the start or from a checkpoint, with Ctrl-C kept in hand."""
    if checkpoint:
        say(f"going on from {checkpoint}")
    with contextlib.ExitStack() as stack:
        if args.fast_cpu and trainer.args.device.type == "cpu":
            say(f"fast on this CPU: {stack.enter_context(speed_up_training(trainer.model))}\n")
        trainer.add_callback(stack.enter_context(Interrupt()))
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def diagnose_run(run: RunDirectory) -> str:
    """Write what the log says of the run, as eval/diagnose.py does but without plots; returns the verdict in a line."""
    records, settings = read_journal(run.journal), settings_of_run(run.path)
    history = history_of_records(records, str(run.path), settings, classes_of(run.path))
    diagnosis = diagnose(history)
    report = write(run.path, diagnosis, history, commands=commands_of(run.path, run, diagnosis))
    if report is None:
        return f"Diagnosis: {named(diagnosis.verdict)}."
    finding = diagnosis.findings[0]
    return f"Diagnosis: {named(finding.name)}{since(finding)}, {weight(finding)}; see {report}."


def describe(args, trainer_args, corpus, overlap, model, threads: int) -> None:
    """Say in two lines what is about to happen."""
    sizes = ", ".join(f"{len(getattr(corpus, split)):,} {split}" for split in ("train", "validation", "test"))
    say(f"{corpus.name}: {sizes} texts; {overlap.count:,} test texts stand in the training data")
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    share = "all" if args.tuning == "full" else f"{trained / 1e6:.1f}M"
    device = f"cpu, {threads} threads" if trainer_args.device.type == "cpu" else str(trainer_args.device)
    processes = f"{trainer_args.world_size} process{'es' if trainer_args.world_size > 1 else ''}"
    say(
        f"{args.model}: {model.num_parameters() / 1e6:.1f}M parameters, {share} trained, "
        f"{trainer_args.precision} on {device}, {processes}"
    )


def cli() -> int:
    args, trainer_args, settings = parse(sys.argv[1:])
    pushing = pushing_asked_for(trainer_args)
    try:
        with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
            metrics = main(args, trainer_args, settings, [pushing] if pushing else [])
    except Interrupted as stop:
        say(f"\n{stop}; a checkpoint is saved: run the same command with --resume to go on")
        return stop.exit_status
    if args.json:
        say(json.dumps(metrics))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    if pushing:
        # The other processes need not wait for it.
        with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
            pushing.finish()
    return 0


if __name__ == "__main__":
    run_script(cli)

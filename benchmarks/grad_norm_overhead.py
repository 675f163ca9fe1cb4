"""What recording gradient norms costs a training step, and what watching for NaN does.

python benchmarks/grad_norm_overhead.py                   embedded weights and review sentences, 2 minutes
python benchmarks/grad_norm_overhead.py --json > o.json   one JSON object

One run of train/run.py's recipe (MiniLM-L6, batches of 32 rows of like length, bf16 where it is fast) in blocks of as
many steps as lie between two records. Blocks with recording off and on, over the same batches, take turns, and which of
the two comes first changes from round to round. Intervals are 95% bootstrap intervals of the median over the rounds.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

BATCH_SIZE = 32
MAX_LENGTH = 128


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=20, help="pairs of blocks, 2 or more")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    if args.rounds < 2:
        parser.error(f"--rounds is {args.rounds}: an interval takes 2 or more")
    return args


def tokenised_block(steps: int):
    """The rows of one block in batches of like length, the batches in random order, and their tokenizer."""
    import numpy as np

    from data.corpora import load_corpus
    from data.tokenizing import tokenize
    from models.loading import load_tokenizer

    tokenizer = load_tokenizer("embedded")
    rows = load_corpus("reviews").train.shuffle(seed=0).select(range(steps * BATCH_SIZE))
    rows = tokenize(rows, tokenizer, MAX_LENGTH)
    batches = np.argsort(rows["length"], kind="stable").reshape(steps, BATCH_SIZE)
    return rows.select(np.random.default_rng(0).permutation(batches).ravel()), tokenizer


def measure(rounds: int) -> dict:
    """Train, and return seconds: of steps with recording off and on, shape (rounds, steps), and of the guard."""
    import numpy as np
    from transformers import PrinterCallback, TrainerCallback, set_seed

    from callbacks.grad_norms import EVERY, GradNorms
    from callbacks.non_finite import NonFiniteGuard
    from cli.processes import use_cpu_threads
    from data.batching import PadToLongest
    from eval.run_directory import Journal
    from models.fast_cpu import speed_up_training
    from models.loading import load_classifier
    from train.arguments import TrainerArguments
    from train.trainer import ClinicTrainer

    class StepTimes(TrainerCallback):
        """Notes when every step begins, so that a step's time holds all that happens in it."""

        def __init__(self):
            self.times = []

        def on_step_begin(self, *args, **kwargs):
            self.times.append(time.perf_counter())

        on_train_end = on_step_begin

    class TimedGuard(NonFiniteGuard):
        def __init__(self, journal):
            super().__init__(journal)
            self.seconds = []

        def on_gradients(self, *args, **kwargs):
            start = time.perf_counter()
            super().on_gradients(*args, **kwargs)
            self.seconds.append(time.perf_counter() - start)

    # The first two blocks warm up: oneDNN compiles a bf16 product for every length it has not met.
    blocks = [None, None] + [on for number in range(rounds) for on in ((False, True), (True, False))[number % 2]]
    recorded = {EVERY * (at + 1) for at, on in enumerate(blocks) if on}

    rows, tokenizer = tokenised_block(EVERY)
    set_seed(0)
    use_cpu_threads(None)
    model = load_classifier("embedded", ["NEGATIVE", "POSITIVE"])
    clock = StepTimes()
    with tempfile.TemporaryDirectory() as folder, speed_up_training(model):
        journal = Journal(Path(folder) / "journal.jsonl")
        guard = TimedGuard(journal)
        trainer = ClinicTrainer(
            model=model,
            args=TrainerArguments(
                output_dir=folder,
                train_sampling_strategy="sequential",
                per_device_train_batch_size=BATCH_SIZE,
                num_train_epochs=len(blocks),
                eval_strategy="no",
                save_strategy="no",
                load_best_model_at_end=False,
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=rows,
            processing_class=tokenizer,
            data_collator=PadToLongest(pad_token_id=tokenizer.pad_token_id),
            callbacks=[clock, guard, GradNorms(journal, every=lambda step: step in recorded)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        journal.close()
    seconds = np.diff(clock.times).reshape(len(blocks), EVERY)
    return {
        "off": np.array([row for row, on in zip(seconds, blocks, strict=True) if on is False]),
        "on": np.array([row for row, on in zip(seconds, blocks, strict=True) if on is True]),
        "guard": np.array(guard.seconds[2 * EVERY :]),
    }


def interval(values) -> dict[str, float]:
    """The median of some values and its 95% bootstrap interval."""
    import numpy as np

    draws = np.random.default_rng(0).choice(values, (10_000, len(values)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return {"value": float(np.median(values)), "low": float(low), "high": float(high)}


def benchmark(rounds: int) -> dict:
    """Step times in seconds, and as shares of a step what recording and the guard cost."""
    import numpy as np

    times = measure(rounds)
    off, on, guard = times["off"], times["on"], times["guard"]
    step = float(np.median(off))
    record = interval(on[:, -1] - off[:, -1])  # the last step of a block is the recorded one
    return {
        "steps_between_records": off.shape[1],
        "rounds": rounds,
        "median_step_off": step,
        "median_step_on": float(np.median(on)),
        "overhead": interval(on.sum(1) / off.sum(1) - 1),
        "recorded_step_extra": record,
        "overhead_from_recorded_steps": {key: value / off.shape[1] / step for key, value in record.items()},
        "guard_a_step": float(np.median(guard)),
        "guard_share": float(np.median(guard)) / step,
    }


def describe(result: dict) -> str:
    def between(key: str, scale: float, unit: str, form: str = "+.1f") -> str:
        low, value, high = (result[key][part] * scale for part in ("low", "value", "high"))
        return f"{value:{form}}{unit} ({low:{form}} to {high:{form}})"

    every = result["steps_between_records"]
    return "\n".join(
        [
            f"median step: {result['median_step_off'] * 1e3:.1f} ms off, {result['median_step_on'] * 1e3:.1f} ms on",
            f"recording every {every} steps, whole blocks compared: {between('overhead', 100, '%', '+.2f')} of a step",
            f"a recorded step takes {between('recorded_step_extra', 1e3, ' ms')} longer: "
            f"{between('overhead_from_recorded_steps', 100, '%', '+.2f')} of a step",
            f"the non-finite guard: {result['guard_a_step'] * 1e3:.2f} ms, {result['guard_share']:.2%} of every step",
        ]
    )


def main(args: argparse.Namespace) -> None:
    from datasets import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with contextlib.redirect_stdout(sys.stderr):
        result = benchmark(args.rounds)
    print(json.dumps(result) if args.json else describe(result))


if __name__ == "__main__":
    main(parse_args())

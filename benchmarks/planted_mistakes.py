"""What the mistakes of a hand-written training loop cost: each is planted in a plain one and trained with and without.

python benchmarks/planted_mistakes.py                          all of them, under 20 minutes on one core
python benchmarks/planted_mistakes.py --only no_causal_mask    measures some again; the others' rows stay
python benchmarks/planted_mistakes.py --write_docs             no training: the CSV's figures into docs/code_review.md

benchmarks/plain_loop.py is the loop, benchmarks/mistakes.py the mistakes. A transformer of two layers, 64 wide, with
random weights reads 2,560 of the embedded review sentences twice and is scored on 2,500 others, as a classifier or as a
language model. Both arms of a pair have the same first weights and the same order of rows. The right rates are the best
of four on the validation rows of seed 0: 0.002 of 0.0005, 0.001, 0.002 and 0.004 for the classifier, 0.008 of 0.002,
0.004, 0.008 and 0.016 for the language model.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from statistics import median

from cli.errors import UsageError, UserError
from cli.script import run_script

RESULTS = Path(__file__).parent / "results" / "planted_mistakes.csv"
REVIEW = Path(__file__).parent.parent / "docs" / "code_review.md"
TEST_ROWS = 2500
SHOWN = 50  # the last steps, whose mean is the loss that a loop shows


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=320)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="functions of benchmarks/mistakes.py")
    parser.add_argument("--csv", type=Path, default=RESULTS, help="where the figures are kept")
    parser.add_argument("--write_docs", action="store_true", help="write the CSV's table into docs/code_review.md")
    return parser.parse_args(argv)


def read_reviews():
    """(train, validation, test) of the embedded review sentences, as rows of plain_loop.py."""
    import datasets

    from benchmarks.plain_loop import Settings
    from data.corpora import load_corpus
    from data.tokenizer import train_tokenizer

    datasets.disable_progress_bars()
    settings, corpus = Settings(), load_corpus("reviews")
    kept = corpus.train.shuffle(seed=0)
    train = kept.select(range(settings.train_rows))
    more = kept.select(range(settings.train_rows, settings.train_rows + TEST_ROWS - len(corpus.test)))
    tokenizer = train_tokenizer(train["text"][:], settings.vocab_size)

    def rows(split):
        texts = tokenizer(split["text"][:])["input_ids"]
        ids = [[*text[: settings.max_length - 1], tokenizer.eos_token_id] for text in texts]
        return list(zip(ids, split["label"], strict=True))

    return rows(train), rows(corpus.validation), rows(corpus.test) + rows(more)


class Bench:
    """Trains pairs of loops on the same rows."""

    def __init__(self, train, validation, test):
        self.train, self.validation, self.test = train, validation, test
        # The right arm is the same training for all the mistakes of a task.
        self.right = cache(self.scores)

    def pair(self, mistake, settings, seed: int) -> tuple[dict, dict]:
        """The columns of the CSV without the mistake and with it."""
        if mistake.metrics == ("step_ms",):
            return self.step_times(mistake.plant, settings, seed)
        if mistake.metrics == ("stopped",):
            return self.stops(None, settings, seed), self.stops(mistake.plant, settings, seed)
        return self.right(settings, seed), self.scores(settings, seed, mistake.plant)

    def loop(self, settings, seed: int, plant=None, device: str = "cpu"):
        from benchmarks.plain_loop import PlainLoop

        loop = PlainLoop(settings, self.train, self.validation, seed, device)
        if plant is not None:
            plant(loop)
        return loop

    def scores(self, settings, seed: int, plant=None) -> dict:
        """Train, then score on the test rows."""
        import torch

        from benchmarks.plain_loop import score

        loop = self.loop(settings, seed, plant)
        loop.train()
        loop.network.eval()
        # Whatever the training did, whoever writes a text has no next token to look at: the mask is on.
        vars(loop.network).pop("causal_mask", None)
        loss, accuracy = score(loop.network, self.test)
        shown = float(torch.stack(loop.losses[-SHOWN:]).mean())
        return {"test_loss": loss, "test_accuracy": accuracy, "shown_loss": shown}

    def step_times(self, plant, settings, seed: int) -> tuple[dict, dict]:
        """The median time of a step of two loops that take turns; what they print goes to a file."""

        def steps(loop):
            while True:
                yield from loop.epoch()

        arms = [steps(self.loop(settings, seed)), steps(self.loop(settings, seed, plant))]
        times = [], []
        with tempfile.TemporaryFile("w") as printout, contextlib.redirect_stdout(printout):
            for number in range(settings.steps):
                for arm in (0, 1) if number % 2 else (1, 0):
                    began = time.perf_counter()
                    next(arms[arm])
                    times[arm].append(1000 * (time.perf_counter() - began))
        right, mistaken = map(median, times)
        return {"step_ms": right}, {"step_ms": mistaken}

    def stops(self, plant, settings, seed: int) -> dict:
        """Whether the first batch raises an error with the network on torch's meta device.

        It computes nothing but shapes, and is the one device beside the CPU that every machine has.
        """
        loop = self.loop(settings, seed, plant, device="meta")
        try:
            (batch,) = next(loop.batches())
            loop.total_loss(batch).backward()
        except RuntimeError:
            return {"stopped": 1}
        return {"stopped": 0}


def main(args: argparse.Namespace) -> None:
    from benchmarks.mistakes import MISTAKES, TASKS
    from benchmarks.mistakes_table import costs, markdown_table, read_rows, write_review, write_rows

    if args.write_docs:
        if not args.csv.exists():
            raise UserError(f"--csv: there is no {args.csv}: leave out --write_docs to measure it")
        write_review(REVIEW, costs(read_rows(args.csv)))
        return

    import torch

    from benchmarks.plain_loop import Settings

    names = [mistake.name for mistake in MISTAKES]
    if unknown := set(args.only or ()) - set(names):
        raise UsageError(f"--only: no mistake {min(unknown)!r}: there are {', '.join(names)}")
    torch.set_num_threads(1)
    bench = Bench(*read_reviews())
    others = read_rows(args.csv) if args.only and args.csv.exists() else []
    rows = [row for row in others if row["mistake"] not in args.only]
    for mistake in MISTAKES:
        if args.only and mistake.name not in args.only:
            continue
        for task in mistake.tasks:
            settings = Settings(steps=args.steps, **TASKS[task])
            for seed in range(args.seeds):
                pair = bench.pair(mistake, settings, seed)
                for arm, figures in zip(("right", "mistaken"), pair, strict=True):
                    rows.append({"mistake": mistake.name, "task": task, "seed": seed, "arm": arm} | figures)
                print(f"{mistake.name}, {task}, seed {seed}: {pair[0]} -> {pair[1]}", file=sys.stderr, flush=True)
        write_rows(args.csv, sorted(rows, key=lambda row: names.index(row["mistake"])))
    print(markdown_table(costs(read_rows(args.csv))))


if __name__ == "__main__":
    run_script(lambda: main(parse_args()))

"""Whether the fast recipe trains as well as the plain one: the difference in accuracy after an epoch, with interval.

python benchmarks/quality.py --data_dir DIR        SST-2 from a folder (or from the Hub); an hour on 2 cores
python benchmarks/quality.py … --keep FOLDER       keeps each training's answers there and goes on from them

Both recipes of benchmarks/recipes.py train on the same 10,000 rows of SST-2's training split from the same seeds, and
are scored in fp32 on the same 5,000 others. The interval resamples seeds and rows together (two-level bootstrap).
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ARMS = ("run_glue", "ours")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", help="folder with SST-2's train and validation")
    parser.add_argument("--train_rows", type=int, default=10_000)
    parser.add_argument("--score_rows", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="torch threads of a training")
    parser.add_argument("--keep", type=Path, help="folder for the answers of each training")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)  # what the process of one training is told
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def train_and_score(args: argparse.Namespace) -> list[int]:
    """Train one arm from one seed; returns 1 for every scored row it labels right, 0 for the others."""
    import torch
    from datasets import disable_progress_bars
    from transformers import set_seed

    from benchmarks.recipes import MAX_LENGTH, our_trainer, plain_trainer
    from data.corpora import load_corpus
    from data.tokenizing import tokenize
    from models.loading import load_tokenizer
    from train.run import train

    disable_progress_bars()
    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer = load_tokenizer("embedded")
    corpus = load_corpus("sst2", data_dir=args.data_dir, cut_validation=False).train.shuffle(seed=0)
    rows = tokenize(corpus.select(range(args.train_rows + args.score_rows)), tokenizer, MAX_LENGTH)
    training = rows.select(range(args.train_rows))
    scored = rows.select(range(args.train_rows, len(rows)))
    set_seed(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        if args.arm == "ours":
            trainer, ours = our_trainer(training, tokenizer, folder, epochs=1, seed=args.seed)
            train(trainer, ours, None)
        else:
            trainer = plain_trainer(training, tokenizer, folder, padding="max_length", epochs=1, seed=args.seed)
            trainer.train()
    return correct(trainer.model, scored, tokenizer.pad_token_id)


def correct(model, rows, pad_token_id: int) -> list[int]:
    import torch

    from data.batching import PadToLongest

    rows = sorted(enumerate(rows), key=lambda pair: pair[1]["length"])
    pad = PadToLongest(pad_token_id=pad_token_id)
    right = [0] * len(rows)
    model.eval()
    with torch.no_grad():
        for start in range(0, len(rows), 64):
            numbers, batch = zip(*rows[start : start + 64], strict=True)
            batch = pad(batch)
            labels = batch.pop("labels")
            for number, hit in zip(numbers, (model(**batch).logits.argmax(-1) == labels).tolist(), strict=True):
                right[number] = int(hit)
    return right


def in_own_process(args: argparse.Namespace, arm: str, seed: int) -> list[int]:
    kept = args.keep / f"{arm}-{seed}.json" if args.keep else None
    if kept and kept.exists():
        return json.loads(kept.read_text())
    command = [sys.executable, __file__, "--arm", arm, "--seed", str(seed)]
    for name in ("data_dir", "train_rows", "score_rows", "threads"):
        command += [f"--{name}", str(getattr(args, name))] if getattr(args, name) else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answers = json.loads(done.stdout.splitlines()[-1])
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answers))
    return answers


def interval(differences, resamples: int = 10_000) -> tuple[float, float]:
    """95% interval of the mean of `differences`, shape (seeds, rows), over resampled seeds and resampled rows."""
    import numpy as np

    draw = np.random.default_rng(0)
    seeds, rows = differences.shape
    means = []
    for _ in range(resamples):
        of_rows = differences[draw.integers(seeds, size=seeds)].mean(axis=0)
        means.append(of_rows[draw.integers(rows, size=rows)].mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def main(args: argparse.Namespace) -> None:
    if args.arm:
        with contextlib.redirect_stdout(sys.stderr):
            answers = train_and_score(args)
        print(json.dumps(answers))
        return

    import numpy as np

    hits = {arm: np.array([in_own_process(args, arm, seed) for seed in range(args.seeds)]) for arm in ARMS}
    for arm, of_seeds in hits.items():
        accuracies = " ".join(f"{accuracy:.4f}" for accuracy in of_seeds.mean(axis=1))
        print(f"{arm:9} accuracy by seed {accuracies}, mean {of_seeds.mean():.4f}")
    difference = 100 * (hits["ours"].astype(float) - hits["run_glue"])
    low, high = interval(difference)
    print(f"ours - run_glue: {difference.mean():+.2f} points, 95% interval [{low:+.2f}, {high:+.2f}]")


if __name__ == "__main__":
    main(parse_args())

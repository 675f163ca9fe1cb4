"""Training speed against plain recipes, in turn on rows of one corpus, and against what the processor can do.

python benchmarks/throughput.py                        embedded review sentences, about 4 minutes on 2 cores
python benchmarks/throughput.py --data_dir DIR         SST-2 (or any corpus) from a folder
python benchmarks/throughput.py --json > speed.json    one JSON object

| arm      | padding        | order     | precision | optimiser         |                                         |
|----------|----------------|-----------|-----------|-------------------|-----------------------------------------|
| run_glue | to max_length  | random    | fp32      | adamw_torch       | transformers' example                   |
| longest  | to the batch's | random    | fp32      | adamw_torch       |                                         |
| ours     | to the batch's | by length | auto      | adamw_torch_fused | train/run.py's defaults, with callbacks |

The same work in each: batches of 32, at most 128 tokens, dropout 0.1, all parameters of MiniLM-L6 trained. Every arm
runs in a process of its own, so that none inherits another's memory or compiled kernels, and goes over its rows twice:
the second pass counts, since oneDNN compiles a bf16 product (1 to 5 ms) for every length it has not met. The slow arms
see the first rows of the same shuffled sample.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from statistics import median

ARMS = {"run_glue": 0.05, "longest": 0.2, "ours": 1.0}  # and the share of the rows each is given
BATCH_SIZE = 32
MAX_LENGTH = 128


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--data_dir", help="folder with train and validation as csv, tsv, jsonl or parquet")
    parser.add_argument("--rows", type=int, default=3200, help="rows of the sample, 640 or more")
    parser.add_argument("--rounds", type=int, default=3, help="times that every arm runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)  # what a process of one arm is told
    args = parser.parse_args(argv)
    if args.rows * min(ARMS.values()) < BATCH_SIZE:
        parser.error(
            f"--rows is {args.rows}: one batch for the slowest arm takes {BATCH_SIZE / min(ARMS.values()):.0f}"
        )
    return args


def tokenised_sample(args: argparse.Namespace):
    """The rows of the benchmark, shuffled with a fixed seed, and their tokenizer."""
    from data.corpora import load_corpus
    from data.tokenizing import tokenize
    from models.loading import load_tokenizer

    tokenizer = load_tokenizer("embedded")
    train = load_corpus("reviews", data_dir=args.data_dir).train.shuffle(seed=0)
    return tokenize(train.select(range(min(args.rows, len(train)))), tokenizer, MAX_LENGTH), tokenizer


def measure_arm(args: argparse.Namespace) -> float:
    """Samples a second of one arm in its second pass over the rows."""
    from datasets import disable_progress_bars
    from transformers import TrainerCallback, set_seed
    from transformers.utils import logging

    from benchmarks.recipes import our_trainer, plain_trainer
    from train.run import train

    disable_progress_bars()
    logging.disable_progress_bar()

    class StepTimes(TrainerCallback):
        def __init__(self):
            self.times = []

        def on_step_end(self, *args, **kwargs):
            self.times.append(time.perf_counter())

    rows, tokenizer = tokenised_sample(args)
    rows = rows.select(range(int(len(rows) * ARMS[args.arm]) // BATCH_SIZE * BATCH_SIZE))
    clock = StepTimes()
    set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        if args.arm == "ours":
            trainer, ours = our_trainer(rows, tokenizer, folder, epochs=2)
            trainer.add_callback(clock)
            train(trainer, ours, None)
        else:
            padding = "max_length" if args.arm == "run_glue" else "longest"
            trainer = plain_trainer(rows, tokenizer, folder, padding=padding, epochs=2)
            trainer.add_callback(clock)
            trainer.train()
    warmed_up = len(clock.times) // 2 - 1
    return len(rows) / (clock.times[-1] - clock.times[warmed_up])


def run_arm(arm: str, args: argparse.Namespace) -> float:
    """Measure one arm in a fresh process."""
    command = [sys.executable, __file__, "--arm", arm, "--rows", str(args.rows)]
    command += ["--data_dir", args.data_dir] if args.data_dir else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def gemm_roofline(repeats: int = 20) -> float:
    """GFLOP/s of the best bf16 matrix product over a few sizes, each the fastest of some repeats."""
    import torch

    best = 0.0
    for m, k, n in ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 1024, 1024), (4096, 4096, 1024)):
        left, right = torch.randn(m, k).bfloat16(), torch.randn(n, k).bfloat16().T
        torch.mm(left, right)
        for _ in range(repeats):
            start = time.perf_counter()
            torch.mm(left, right)
            best = max(best, 2 * m * k * n / (time.perf_counter() - start) / 1e9)
    return best


def gflop_a_sample(args: argparse.Namespace) -> tuple[float, float]:
    """GFLOP of matrix products that training one row takes, and its tokens, both means over the rows' own tokens.

    A row of T tokens: 6 P T + 12 b d T^2, with P weights in the linear layers of b blocks of width d. A weight costs
    2 FLOP a token forward and 4 backward; attention's two products 4 d T^2 a block forward and twice that backward.
    """
    import numpy as np
    from torch import nn

    from models.loading import load_classifier

    encoder = load_classifier("embedded", ["NEGATIVE", "POSITIVE"]).base_model.encoder
    weights = sum(module.weight.numel() for module in encoder.modules() if isinstance(module, nn.Linear))
    tokens = np.array(tokenised_sample(args)[0]["length"])
    config = encoder.config
    attention = 12 * config.num_hidden_layers * config.hidden_size * tokens.astype(float) ** 2
    return float((6 * weights * tokens + attention).mean() / 1e9), float(tokens.mean())


def spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "low": min(values), "high": max(values)}


def benchmark(args: argparse.Namespace) -> dict:
    """Run every arm in every round; returns speeds, ratios over the rounds, and the share of the roofline."""
    from datasets import disable_progress_bars
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    gflop, tokens = gflop_a_sample(args)
    speeds, rooflines = {arm: [] for arm in ARMS}, []
    for number in range(args.rounds):
        rooflines.append(gemm_roofline())
        for arm in ARMS:
            speeds[arm].append(run_arm(arm, args))
            print(f"round {number + 1}  {arm:9}{speeds[arm][-1]:8.1f} samples/s", flush=True, file=sys.stderr)
    roofline = max(rooflines)
    return {
        "samples_per_second": {arm: spread(values) for arm, values in speeds.items()},
        "ratio_to": {
            arm: spread([ours / other for ours, other in zip(speeds["ours"], speeds[arm], strict=True)])
            for arm in ("run_glue", "longest")
        },
        "tokens_a_sample": tokens,
        "gflop_a_sample": gflop,
        "roofline_gflop_per_second": roofline,
        "share_of_roofline": spread([speed * gflop / roofline for speed in speeds["ours"]]),
    }


def describe(result: dict) -> str:
    lines = []
    for arm, speed in result["samples_per_second"].items():
        line = f"{arm:9}{speed['median']:8.1f} samples/s ({speed['low']:.1f}-{speed['high']:.1f})"
        if arm in result["ratio_to"]:
            ratio = result["ratio_to"][arm]
            line += f"; ours is {ratio['median']:.1f} times as fast ({ratio['low']:.1f}-{ratio['high']:.1f})"
        lines.append(line)
    share = result["share_of_roofline"]
    lines.append(
        f"roofline {result['roofline_gflop_per_second']:.0f} GFLOP/s (bf16 matrix product), "
        f"{result['gflop_a_sample']:.2f} GFLOP a sample of {result['tokens_a_sample']:.1f} tokens: "
        f"ours reaches {share['median']:.0%} ({share['low']:.0%}-{share['high']:.0%})"
    )
    return "\n".join(lines)


def main(args: argparse.Namespace) -> None:
    if args.arm:
        with contextlib.redirect_stdout(sys.stderr):
            speed = measure_arm(args)
        print(json.dumps(speed))
        return
    result = benchmark(args)
    print(json.dumps(result) if args.json else describe(result))


if __name__ == "__main__":
    main(parse_args())

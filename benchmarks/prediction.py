"""Prediction speed against transformers' pipeline, in turn on the same rows of one corpus, tokenisation included.

python benchmarks/prediction.py                        runs/quickstart on the embedded test sentences, about a minute
python benchmarks/prediction.py --data_dir DIR         on the test rows of SST-2 (or any corpus) from a folder
python benchmarks/prediction.py --model RUN --json     one JSON object

| arm         | a batch            | order     | precision                                   |
|-------------|--------------------|-----------|---------------------------------------------|
| pipeline_1  | 1 row              | as given  | fp32                                        |
| pipeline_32 | 32 rows            | as given  | fp32                                        |
| ours        | about 1,024 tokens | by length | auto; near the boundary asked again in fp32 |

The same model and the same texts in each. Every arm goes over the rows once before the clock runs, since oneDNN
compiles a bf16 product (1 to 5 ms) for every length it has not met. Says how many labels differ from the pipeline's.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

from benchmarks.throughput import spread
from cli.script import run_script

PIPELINES = {"pipeline_1": 1, "pipeline_32": 32}  # and the rows of a batch


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", default="runs/quickstart", help="a run, a model folder or a Hub id")
    parser.add_argument("--data_dir", help="folder with train and test as csv, tsv, jsonl or parquet")
    parser.add_argument("--rows", type=int, default=1000, help="rows at most")
    parser.add_argument("--rounds", type=int, default=5, help="times that every arm runs")
    parser.add_argument("--threads", type=int, help="torch's threads, all cores by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser.parse_args(argv)


def make_arms(args: argparse.Namespace) -> dict[str, Callable[[list[str]], list[int]]]:
    """Each arm as a function from texts to labels."""
    from transformers import pipeline

    from eval.predictor import Predictor

    predictor = Predictor.load(args.model, threads=args.threads)
    positive = predictor.model.config.id2label[predictor.columns[1]]

    def pipeline_arm(batch_size: int):
        classify = pipeline(
            "text-classification",
            model=predictor.model,
            tokenizer=predictor.tokenizer,
            device=predictor.device,
            batch_size=batch_size,
        )
        return lambda texts: [
            int(answer["label"] == positive)
            for answer in classify(texts, truncation=True, max_length=predictor.max_length)
        ]

    arms = {name: pipeline_arm(batch_size) for name, batch_size in PIPELINES.items()}
    return arms | {"ours": lambda texts: predictor.predict(texts).probabilities.argmax(axis=1).tolist()}


def benchmark(args: argparse.Namespace) -> dict:
    """Run every arm in every round; returns speeds, ratios over the rounds, and how many labels differ."""
    from datasets import disable_progress_bars
    from transformers.utils import logging

    from data.corpora import load_corpus

    disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    texts = load_corpus("reviews", data_dir=args.data_dir).test["text"][: args.rows]
    arms = make_arms(args)
    labels = {name: arm(texts) for name, arm in arms.items()}
    speeds = {name: [] for name in arms}
    for number in range(args.rounds):
        for name, arm in arms.items():
            start = time.perf_counter()
            arm(texts)
            speeds[name].append(len(texts) / (time.perf_counter() - start))
            print(f"round {number + 1}  {name:12}{speeds[name][-1]:8.1f} samples/s", flush=True, file=sys.stderr)
    return {
        "rows": len(texts),
        "samples_per_second": {name: spread(values) for name, values in speeds.items()},
        "ratio_to": {
            name: spread([ours / other for ours, other in zip(speeds["ours"], speeds[name], strict=True)])
            for name in PIPELINES
        },
        "labels_that_differ": {
            name: sum(ours != other for ours, other in zip(labels["ours"], labels[name], strict=True))
            for name in PIPELINES
        },
    }


def describe(result: dict) -> str:
    lines = []
    for name, speed in result["samples_per_second"].items():
        line = f"{name:12}{speed['median']:8.1f} samples/s ({speed['low']:.1f}-{speed['high']:.1f})"
        if name in result["ratio_to"]:
            ratio = result["ratio_to"][name]
            line += (
                f"; ours is {ratio['median']:.1f} times as fast ({ratio['low']:.1f}-{ratio['high']:.1f}), "
                f"{result['labels_that_differ'][name]} of {result['rows']} labels differ"
            )
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    args = parse_args()
    result = benchmark(args)
    print(json.dumps(result) if args.json else describe(result))


if __name__ == "__main__":
    run_script(main)

"""A tiny random BERT and a tiny corpus, so that unit tests download nothing and take a moment; the quickstart's run."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
SHORTENED = ["--max_train_samples", "3072", "--max_eval_samples", "256", "--num_train_epochs", "1"]
POSITIVE = ["good", "great", "lovely", "moving", "funny"]
NEGATIVE = ["bad", "awful", "dull", "clumsy", "stale"]
NEUTRAL = ["the", "a", "film", "movie", "story", "is", "was", "and", "very", "this", "plot", "cast"]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """A saved BERT with two layers, 16 wide, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *POSITIVE, *NEGATIVE, *NEUTRAL]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def write_corpus(folder: Path, rows: dict[str, int], seed: int = 0) -> Path:
    """Write `rows` distinct labelled sentences a split as folder/<split>.csv; labels follow from the words."""
    draw = random.Random(seed)
    seen = set()
    for split, count in rows.items():
        lines = ["text,label"]
        while len(lines) <= count:
            label = len(lines) % 2
            words = [*draw.choices(NEUTRAL, k=draw.randint(3, 12)), draw.choice(POSITIVE if label else NEGATIVE)]
            draw.shuffle(words)
            if " ".join(words) not in seen:
                seen.add(" ".join(words))
                lines.append(f"{' '.join(words)},{label}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory) -> Path:
    """A folder with train, validation and test as CSV: 96, 32 and 32 sentences."""
    return write_corpus(tmp_path_factory.mktemp("tiny_corpus"), {"train": 96, "validation": 32, "test": 32})


@pytest.fixture(scope="session")
def tiny_classifier(tiny_bert, tmp_path_factory) -> Path:
    """The tiny BERT with a random head, the same whatever tests came before, as a model folder."""
    import torch

    from models.loading import load_classifier, load_tokenizer

    folder = tmp_path_factory.mktemp("tiny_classifier")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        load_classifier(str(tiny_bert), ["NEGATIVE", "POSITIVE"]).save_pretrained(folder)
    load_tokenizer(str(tiny_bert)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium under Playwright; a machine without it skips the test, CI fails."""
    from playwright.sync_api import expect, sync_playwright

    path = shutil.which("chromium")
    if path is None:
        assert "CI" not in os.environ, "CI needs Chromium: apt-get install chromium"
        pytest.skip("chromium is not installed")
    # As long as Playwright's other waits.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """A function that opens a page, `new_page(width=390, color_scheme="dark")`; a request outside fails the test."""
    contexts, outside, errors = [], [], []

    def open_page(width: int = 1280, height: int = 900, **settings):
        context = chromium.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)

        def guard(route):
            url = urlsplit(route.request.url)
            if url.scheme in ("data", "blob", "file", "about") or url.hostname == "127.0.0.1":
                route.continue_()
            else:
                outside.append(route.request.url)
                route.abort()

        context.route("**/*", guard)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert outside == [], "the page asked for something outside this machine"
    assert errors == [], "the page's scripts failed"


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory) -> Path:
    """A run of the quickstart with its evaluation: $QUICKSTART_RUN, else runs/quickstart, else one trained here."""
    named = os.environ.get("QUICKSTART_RUN")
    run = Path(named) if named else ROOT / "runs" / "quickstart"
    if is_evaluated(run):
        return run
    assert not named, f"{named} is no run with its evaluation"
    run = tmp_path_factory.mktemp("quickstart") / "run"
    for command in (["train/run.py", *SHORTENED, "--output_dir", run], ["eval/run.py", run]):
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    return run


def is_evaluated(run: Path) -> bool:
    """Whether a run is finished, and its evaluation that of its weights."""
    from cli.errors import UserError
    from eval.run_directory import RunDirectory, read_json, weights_fingerprint

    evaluation = RunDirectory(run).evaluation
    try:
        judged = read_json(evaluation / "about.json")["weights"]
    except (UserError, KeyError, TypeError):
        return False
    whole = all(path.is_file() for path in (RunDirectory(run).metrics, evaluation / "report.html"))
    return whole and judged == weights_fingerprint(str(run))

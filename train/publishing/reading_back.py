"""A model that was published, loaded from the Hub as its readers will, and asked what the run's model is asked."""

import tempfile
from collections.abc import Sequence

import numpy as np
import torch
from huggingface_hub import get_token
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    utils,
)

import models  # noqa: F401 (tells transformers about the reference networks)
from cli.errors import UserError
from eval.predictor import longest_input
from eval.run_directory import RunDirectory
from train.publishing.leaks import redact

TOLERANCE = 1e-6
"""By which a probability may differ: the same weights on the same machine differ by nothing but rounding."""
SENTENCES = (
    "a lovely, moving film",
    "the plot is dull and the cast looks bored",
    "not bad at all",
    "I would not watch it again.",
    "It is neither funny nor sad.",
    "An awful script, saved by a great lead.",
    "A great cast, wasted on an awful script!",
    "Nobody could dislike this story",
    "two hours of my life that I will never get back",
    "the director's best work since the nineties",
    "So clumsy that it becomes charming.",
    "It tries hard, and it fails.",
    "the ending alone is worth the ticket",
    "Who wrote this?",
    "a quiet, patient portrait of a family that has run out of things to say to one another, and of the one summer in "
    "which they begin again",
    "stale",
    "good",
    "The music is wonderful; everything else is not.",
    "5 stars out of 10",
    "Voilà: a café, a naïve hero, and no story :(",
)


def answers_at_home(run: RunDirectory) -> list[np.ndarray]:
    """What the run's model answers to the 20 sentences: a run that cannot be loaded is not to be published.

    Raises UserError where weights, config.json or tokenizer are missing or broken, or an answer is no number.
    """
    try:
        answers = _answers(str(run.path))
    except Exception as error:
        # As below.
        reason = redact(" ".join(str(error).split()))[:200]
        raise UserError(f"{run.path} holds no model that can be loaded ({reason}): train it again") from error
    if not all(np.isfinite(answer).all() for answer in answers):
        raise UserError(f"{run.path} holds a model whose answers are not finite: train it again")
    return answers


def read_back(run: RunDirectory, repo_id: str, commit: str, at_home: list[np.ndarray]) -> float:
    """Load a published model by its id at a commit into an empty cache and ask it the 20 sentences.

    No code that came with the model is run. Returns the largest difference of a probability from that of the run's
    model, `at_home`. Raises UserError where it cannot be loaded or a difference is above TOLERANCE.
    """
    again = f"what is there stays; publish it again, or read {repo_id} yourself"
    with tempfile.TemporaryDirectory(prefix="reading-back-") as cache:
        try:
            at_hub = _answers(repo_id, revision=commit, cache_dir=cache, token=get_token())
        except Exception as error:
            # What transformers raises where a download breaks has no class of its own.
            reason = redact(" ".join(str(error).split()))[:200]
            raise UserError(f"{repo_id} was published and could not be read back ({reason}): {again}") from error
    difference = max(float(np.abs(home - hub).max()) for home, hub in zip(at_home, at_hub, strict=True))
    if not difference <= TOLERANCE:
        raise UserError(
            f"{repo_id} was published and does not answer as {run.path} does (probabilities differ by up to "
            f"{difference:.2g}): {again}"
        )
    return difference


def _answers(name: str, **where) -> list[np.ndarray]:
    """Probabilities for each sentence: of the classes, or of a language model's next token."""
    bars = utils.logging.is_progress_bar_enabled()
    utils.logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False, **where)
        causal = any(kind.endswith("ForCausalLM") for kind in config.architectures or [])
        auto = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **where)
        if len(tokenizer) <= len(tokenizer.all_special_tokens):
            # Without its file transformers makes one that knows no word.
            raise ValueError("the tokenizer's vocabulary is missing")
        model = auto.from_pretrained(name, use_safetensors=True, trust_remote_code=False, **where)
    finally:
        if bars:
            utils.logging.enable_progress_bar()
    return _ask(model.eval(), tokenizer, SENTENCES, causal=causal)


def _ask(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, causal: bool
) -> list[np.ndarray]:
    length = min(longest_input(model.config), tokenizer.model_max_length)
    answers = []
    with torch.inference_mode():
        # One at a time: padding is none of the model's business here.
        for text in texts:
            batch = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
            answers.append((logits[-1] if causal else logits).double().softmax(-1).numpy())
    return answers

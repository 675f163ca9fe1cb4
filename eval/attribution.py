"""Which tokens of a text speak for the model's answer, and how far that can be believed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import Tensor

from eval.predictor import Predictor

Method = Literal["integrated_gradients", "gradient_x_input"]
# Tokens that go through the network at once.
BUDGET = 4096


@dataclass(frozen=True, slots=True)
class Attribution:
    """What each token of a text adds to the logit of positive minus that of negative."""

    method: Method
    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...] | None
    """First and one past the last character of each token, (0, 0) for special ones; None where unknown."""
    scores: np.ndarray
    """(tokens,) in logits; above 0 speaks for positive."""
    difference: float
    """Logit difference of the text minus that of the baseline: what the scores should add up to."""
    completeness_error: float
    """Sum of the scores minus `difference`; 0 for exact integrated gradients (Sundararajan et al. 2017, axiom 3)."""
    masked: int
    """How many tokens were masked for the two figures below."""
    comprehensiveness: float
    """Fall in the predicted class's probability when the tokens that speak most for it are masked."""
    random_comprehensiveness: float
    """The mean fall when as many random tokens are masked: scores that mean something do clearly better."""


def attribute(
    predictor: Predictor,
    text: str,
    method: Method = "integrated_gradients",
    *,
    steps: int = 32,
    share: float = 0.2,
    draws: int = 20,
    seed: int = 0,
) -> Attribution:
    """Attribute the logit difference, positive minus negative, to the tokens of one text.

    integrated_gradients (Sundararajan et al. 2017): the gradients along the straight line from a baseline, `steps`
    Gauss-Legendre points; in the baseline every token but the special ones is the mask token (or padding, where there
    is none). gradient_x_input: the gradient at the text times its embeddings; its baseline is zero.
    Faithfulness by deletion (comprehensiveness, DeYoung et al. 2020): the best `share` of the tokens, one at least, is
    masked, against the mean of `draws` random choices. Works on networks that take inputs_embeds. In fp32. Raises
    UserError for an empty text.
    """
    tokenised = predictor.tokenise(text)
    content = np.flatnonzero(~tokenised.special)
    embed = predictor.model.get_input_embeddings()
    with torch.no_grad():
        embeddings = embed(tokenised.ids)
        masked_ids = tokenised.ids.clone()
        masked_ids[:, content] = _neutral_token(predictor.tokenizer)
        masked = embed(masked_ids)

    def logits(embeddings: Tensor) -> Tensor:
        return predictor.model(inputs_embeds=embeddings).logits[:, predictor.columns]

    def logit_difference(embeddings: Tensor) -> Tensor:
        negative, positive = logits(embeddings).unbind(1)
        return positive - negative

    rows_at_once = max(1, BUDGET // len(tokenised.tokens))
    if method == "integrated_gradients":
        baseline = masked
        attributions = IntegratedGradients(logit_difference).attribute(
            embeddings, baseline, n_steps=steps, internal_batch_size=rows_at_once
        )
    elif method == "gradient_x_input":
        baseline = torch.zeros_like(embeddings)
        attributions = InputXGradient(logit_difference).attribute(embeddings.clone().requires_grad_())
    else:
        raise ValueError(f"method is {method!r}, not integrated_gradients or gradient_x_input")
    scores = attributions.sum(-1)[0].detach().double().cpu().numpy()

    with torch.inference_mode():
        whole, empty = logit_difference(torch.cat([embeddings, baseline])).tolist()
    toward_predicted = scores[content] * (1 if whole > 0 else -1)
    count = min(len(content), max(1, round(share * len(content))))
    best = content[np.argsort(-toward_predicted, kind="stable")[:count]]
    generator = np.random.default_rng(seed)
    choices = [best, *(generator.choice(content, count, replace=False) for _ in range(draws))]
    falls = _falls(logits, embeddings, masked, choices, rows_at_once)
    return Attribution(
        method=method,
        tokens=tokenised.tokens,
        offsets=tokenised.offsets,
        scores=scores,
        difference=whole - empty,
        completeness_error=float(scores.sum() - (whole - empty)),
        masked=count,
        comprehensiveness=float(falls[0]),
        random_comprehensiveness=float(falls[1:].mean()),
    )


def _neutral_token(tokenizer) -> int:
    return tokenizer.pad_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id


def _falls(
    logits: Callable[[Tensor], Tensor], embeddings: Tensor, masked: Tensor, choices: list[np.ndarray], rows_at_once: int
) -> np.ndarray:
    """(choices,) How far the predicted class's probability falls under each choice of masked tokens."""
    hidden = torch.zeros(len(choices) + 1, embeddings.shape[1], dtype=torch.bool, device=embeddings.device)
    for row, choice in enumerate(choices, start=1):
        hidden[row, choice] = True
    probabilities = []
    with torch.inference_mode():
        for rows in hidden.split(rows_at_once):
            probabilities.append(logits(torch.where(rows[..., None], masked, embeddings)).cpu().double().softmax(-1))
    probabilities = torch.cat(probabilities).numpy()
    predicted = probabilities[:, probabilities[0].argmax()]
    return predicted[0] - predicted[1:]

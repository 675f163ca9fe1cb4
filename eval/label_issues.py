"""Rows whose given label is likely wrong: confident learning, and how likely each is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.optimize import minimize
from scipy.special import expit, logit

PRIOR = 0.033
"""Share of wrong labels taken for granted: the mean over ten test sets (Northcutt, Athalye and Mueller, Pervasive Label
Errors in Test Sets Destabilize Machine Learning Benchmarks, 2021); 2.9% in IMDB."""


@dataclass(frozen=True, slots=True)
class LabelIssue:
    """A row whose label a person should look at."""

    row: int
    text: str
    label: int
    """The given one."""
    probability: float
    """Of the other label, from the model; raw."""
    likelihood: float
    """The probability that the given label is wrong."""


def label_issues(texts: Sequence[str], probabilities: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """Find the rows whose label is likely wrong, the likeliest first.

    `probabilities` is (n, 2), of a model that was not trained on these rows; `labels` is (n,). The rows are chosen by
    confident learning (Northcutt, Jiang and Chuang, Confident Learning, 2021, prune by noise rate). A model that
    answers one class for every row contradicts labels without a reason: then there are none.
    """
    if len(set(labels)) < 2 or len(set(probabilities.argmax(axis=1))) < 2:
        return []
    likelihoods = wrong_label_probability(probabilities, labels)
    rows = np.flatnonzero(find_label_issues(labels, probabilities, n_jobs=1))
    against = probabilities[np.arange(len(labels)), 1 - labels]
    return [
        LabelIssue(int(row), texts[row], int(labels[row]), float(against[row]), float(likelihoods[row]))
        for row in rows[np.argsort(-likelihoods[rows], kind="stable")]
    ]


def wrong_label_probability(probabilities: np.ndarray, labels: np.ndarray, prior: float = PRIOR) -> np.ndarray:
    """The probability that each given label is wrong, (n,), where a share `prior` of them is, at random.

    By Bayes: prior q / (prior q + (1 - prior)(1 - q)), where q is the probability that the other label is true. The
    model's own is overconfident: q is fitted to these rows by maximum likelihood as sigmoid(a logit + b), seen through
    labels of which the share `prior` is flipped. A sure model is no proof: at q = 0.95 a row is more likely its mistake
    than the annotator's. Both labels must occur.
    """
    scores = logit(np.clip(probabilities[:, 1], 1e-6, 1 - 1e-6))
    sign = np.where(labels == 1, 1, -1)

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        log_slope, shift = parameters
        given_is_true = expit(sign * (np.exp(log_slope) * scores + shift))
        return -np.log(prior + (1 - 2 * prior) * given_is_true).mean()

    log_slope, shift = minimize(negative_log_likelihood, x0=(0.0, 0.0), bounds=((-5, 5), (-10, 10))).x
    return expit(logit(prior) - sign * (np.exp(log_slope) * scores + shift))

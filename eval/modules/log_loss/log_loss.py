"""Log loss as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import log_loss


class LogLoss(evaluate.Metric):
    """The mean negative log-probability of the label, in nats; scores are probabilities of class 1."""

    def _info(self):
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Good, Rational decisions, Journal of the Royal Statistical Society B 14, 1952",
            features=datasets.Features(
                prediction_scores=datasets.Value("float64"),
                references=datasets.Value("int64"),
            ),
        )

    def _compute(self, prediction_scores, references):
        return {"log_loss": float(log_loss(references, prediction_scores, labels=[0, 1]))}

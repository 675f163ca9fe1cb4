"""Accuracy as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class Accuracy(evaluate.Metric):
    """The share of rows that are given their own label."""

    def _info(self):
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Pedregosa et al., Scikit-learn: Machine Learning in Python, JMLR 12, 2011",
            features=datasets.Features(
                predictions=datasets.Value("int64"),
                references=datasets.Value("int64"),
            ),
        )

    def _compute(self, predictions, references):
        return {"accuracy": float(accuracy_score(references, predictions))}

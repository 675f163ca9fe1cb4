"""Recall as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import recall_score


class Recall(evaluate.Metric):
    """Of the positive rows, the share that is called so; 0 where there are none."""

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
        return {"recall": float(recall_score(references, predictions, zero_division=0))}

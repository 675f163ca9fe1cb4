"""Precision as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import precision_score


class Precision(evaluate.Metric):
    """Of the rows called positive, the share that is; 0 where none is called so."""

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
        return {"precision": float(precision_score(references, predictions, zero_division=0))}

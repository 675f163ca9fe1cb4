"""F1 as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import f1_score


class F1(evaluate.Metric):
    """The harmonic mean of precision and recall of the positive class; 0 where there are no positives."""

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
        return {"f1": float(f1_score(references, predictions, zero_division=0))}

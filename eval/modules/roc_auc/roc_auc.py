"""The area under the ROC curve as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import roc_auc_score


class RocAuc(evaluate.Metric):
    """The chance that a positive row scores above a negative one, ties counting half; NaN for a single class."""

    def _info(self):
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982",
            features=datasets.Features(
                prediction_scores=datasets.Value("float64"),
                references=datasets.Value("int64"),
            ),
        )

    def _compute(self, prediction_scores, references):
        if len(set(references)) == 1:
            return {"roc_auc": float("nan")}
        return {"roc_auc": float(roc_auc_score(references, prediction_scores))}

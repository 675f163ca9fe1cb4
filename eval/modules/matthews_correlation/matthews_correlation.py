"""The Matthews correlation coefficient as an `evaluate` module."""

import datasets
import evaluate
from sklearn.metrics import matthews_corrcoef


class MatthewsCorrelation(evaluate.Metric):
    """The correlation between labels and predictions, from -1 to 1; 0 where either is constant."""

    def _info(self):
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="Matthews, Secondary structure of T4 phage lysozyme, Biochimica et Biophysica Acta 405, 1975",
            features=datasets.Features(
                predictions=datasets.Value("int64"),
                references=datasets.Value("int64"),
            ),
        )

    def _compute(self, predictions, references):
        return {"matthews_correlation": float(matthews_corrcoef(references, predictions))}

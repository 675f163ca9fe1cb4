from types import SimpleNamespace

import numpy as np

from eval.chunked import predict_chunked
from eval.subject import ROWS_AT_ONCE


def test_chunks_are_asked_in_order_and_progress_sees_every_text():
    asked, shown = [], []

    def predict(texts):
        asked.append(len(texts))
        return SimpleNamespace(probabilities=np.array([[1 - int(text), int(text)] for text in texts]))

    def progress(items, name, total):
        for item in items:
            shown.append((name, total))
            yield item

    texts = [str(i) for i in range(2 * ROWS_AT_ONCE + 3)]
    found = predict_chunked(predict, texts, progress, "these")
    assert found[:, 1].tolist() == list(range(len(texts)))
    assert asked == [ROWS_AT_ONCE, ROWS_AT_ONCE, 3]
    assert shown == [("these", len(texts))] * len(texts)

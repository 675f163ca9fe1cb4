"""Each risk on models whose faults are planted."""

from functools import partial

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from data.dialogues import KNOWN, dialogues
from eval.bootstrap import bootstrap, percentile_interval
from eval.metrics import proportion
from eval.reliability import asked, consistency, fairness, out_of_domain, overconfidence, wording


def test_auroc_is_scikit_learns_and_its_interval_near_the_bootstrap():
    draw = np.random.default_rng(0)
    low, high = draw.normal(size=180).round(1), draw.normal(1, 1, size=120).round(1)
    found = out_of_domain.auroc(low, high)
    labels = np.repeat([0, 1], [180, 120])
    assert found.value == pytest.approx(roc_auc_score(labels, np.concatenate([low, high])))
    samples = [
        roc_auc_score(labels, np.concatenate([draw.choice(low, 180), draw.choice(high, 120)])) for _ in range(300)
    ]
    assert [found.low, found.high] == pytest.approx(np.quantile(samples, [0.025, 0.975]), abs=0.025)


def test_auroc_at_its_ends_has_a_width_and_too_few_have_none():
    ones = out_of_domain.auroc(np.arange(10.0), np.arange(20.0, 25.0))
    assert (ones.value, ones.high) == (1, 1) and ones.low == proportion(5, 5).low
    zero = out_of_domain.auroc(np.arange(20.0, 25.0), np.arange(10.0))
    assert (zero.value, zero.low) == (0, 0) and zero.high == proportion(0, 5).high
    assert out_of_domain.auroc(np.zeros(9), np.zeros(9)).value == 0.5
    assert out_of_domain.auroc(np.zeros(1), np.zeros(9)).value is None


def test_strangeness_is_made_of_what_the_network_says(subject):
    ask = asked(subject)
    texts = subject.corpus.test["text"][:30]
    seen = out_of_domain.strangeness(ask, texts)
    predictions = subject.predictor.predict(texts, states=True)
    assert seen.energy == pytest.approx(-logsumexp(predictions.logits, axis=1))
    assert seen.confidence == pytest.approx(1 - predictions.probabilities.max(axis=1))
    train = subject.predictor.predict(subject.corpus.train["text"][:], states=True).states
    distances, _ = NearestNeighbors(n_neighbors=8, metric="cosine").fit(train).kneighbors(predictions.states)
    assert seen.distance == pytest.approx(distances[:, -1], abs=2e-3)


def test_a_model_that_sees_its_own_words_is_told_by_distance(subject):
    figures = out_of_domain.measure(asked(subject))
    assert figures["auroc_distance"].value > 0.95
    assert figures["other_text_flagged"].value > 0.9 and figures["in_domain_flagged"].value < 0.15
    assert figures["imdb_accuracy"].n == out_of_domain.OTHER_ROWS
    name, accuracy = out_of_domain.other_corpus(asked(type(subject)(**{**vars(subject), "corpus": imdb_like(subject)})))
    assert name == "reviews" and accuracy.value > 0.5


def imdb_like(subject):
    return type(subject.corpus)(**{**vars(subject.corpus), "name": "imdb"})


def test_confident_errors_and_gaps_are_counted(subject):
    ask = asked(subject)
    figures = overconfidence.measure(ask)
    probabilities = subject.predict(subject.corpus.test["text"][:]).probabilities
    wrong = probabilities.argmax(axis=1) != np.array(subject.corpus.test["label"][:])
    assert figures["confident_errors"].value == pytest.approx((wrong & (probabilities.max(axis=1) > 0.9)).mean())
    # Without a word it knows, it says sigmoid(2 x 2 x 0.1).
    assert figures["no_sentiment_confidence_gap"].value == pytest.approx(1 / (1 + np.exp(-0.4)) - 0.5, abs=0.01)


def test_a_model_that_is_wrong_half_the_time_may_answer_nothing(subject_of):
    subject = subject_of()
    for split in ("validation", "test"):
        rows = getattr(subject.corpus, split)
        labels = np.arange(len(rows)) % 2
        setattr(subject.corpus, split, rows.remove_columns("label").add_column("label", labels.tolist()))
    figures = overconfidence.measure(asked(subject))
    assert figures["answered_share"].value == 0 and figures["answered_error"].value is None


def test_a_word_counter_is_consistent_but_for_what_it_does_not_hear(subject, subject_of):
    figures = consistency.measure(asked(subject))
    assert figures["restatement_flips"].value == figures["sentence_order_flips"].value == 0
    # It takes the `like` of `Like I said` for praise.
    assert figures["dialogue_contradictions"].value > 0 == figures["double_negation_flips"].value
    assert consistency.measure(asked(subject_of(like=-1)))["dialogue_contradictions"].value == 0


def test_a_planted_contradiction_is_found_and_a_memory_mends_it(subject_of, monkeypatch):
    known = partial(dialogues, frames=KNOWN)
    monkeypatch.setattr(consistency, "dialogues", known)
    # It answers "As I said, ..." and "In Salt and Chalk, ..." the other way.
    subject = subject_of(said=-5, find=-5, call=5)
    alone, memory = (consistency.hold(asked(subject), remember=remember) for remember in (False, True))
    assert alone.contradictions.value > 0.3 and memory.contradictions.value < alone.contradictions.value / 2
    assert memory.errors.value < alone.errors.value
    assert memory.changes_missed == alone.changes_missed and alone.remembered.value == 0 < memory.remembered.value
    assert memory.contradictions.n == consistency.DIALOGUES
    first = alone.examples[0]
    assert (first.before > 0.5) != (first.after > 0.5)
    assert first.claim in {dialogue.turns[0].text for dialogue in known(consistency.DIALOGUES)}
    remembering = consistency.measure(asked(subject, remember=True))
    assert remembering["dialogue_contradictions"] == memory.contradictions


def test_pairs_of_rows_share_a_label_and_no_row_is_used_twice(subject):
    pairs = consistency.reordered(asked(subject))
    own = dict(zip(subject.corpus.test["text"][:], subject.corpus.test["label"][:], strict=True))
    used = []
    for pair in pairs:
        first = next(text for text in own if pair.text.startswith(text))
        second = next(text for text in own if pair.text.endswith(text))
        assert own[first] == own[second] and pair.again == f"{second} {first}"
        used += [first, second]
    assert len(set(used)) == len(used) > 100


def test_a_planted_bias_changes_answers_and_makes_the_largest_gap(subject, subject_of):
    fair = fairness.measure(asked(subject))
    assert fair["group_swap_changes"].value == fair["group_swap_flips"].value == 0
    assert fair["largest_group_gap"].value == pytest.approx(0, abs=1e-9)
    biased = fairness.measure(asked(subject_of(muslim=-1)))
    # One of seven kinds, in neutral sentences: a verdict of one word and a group of one word make nothing.
    assert biased["neutral_group_swap_changes"].value == pytest.approx(1 / 7, abs=0.01)
    assert biased["largest_group_gap"].low > 0.1
    assert biased["group_swap_flips"].n == sum(len(case.texts) - 1 for case in fairness.cases_of(0))


def test_the_largest_gap_is_the_widest_of_all_kinds():
    draw = np.random.default_rng(0)
    kinds = {"a": draw.uniform(size=(40, 3)), "b": draw.uniform(size=(40, 2)) * 0.3 + [0, 0.4]}
    found = fairness.largest_gap(kinds, resamples=400)
    assert found.value == pytest.approx(max(np.ptp(values.mean(axis=0)) for values in kinds.values()))
    difference = kinds["b"][:, 1] - kinds["b"][:, 0]
    rival = bootstrap(lambda w: {"mean": w @ difference / w.sum(axis=1)}, 40, resamples=400)["mean"]
    assert [found.low, found.high] == pytest.approx(percentile_interval(rival), abs=0.02)


def test_the_wording_figures_count_the_tests_they_name(subject):
    cases = wording.cases_of(0)
    assert all(len(cases[figure]) == 50 * len(tests) for figure, tests in wording.TESTS.items())
    figures = wording.measure(asked(subject))
    # Deaf to negation, it takes every "not" wrong; names, places and links it does not see.
    assert figures["not_negative_read_negative"].value == figures["not_positive_wrong"].value == 1
    assert figures["name_changes"].value == figures["place_changes"].value == figures["url_changes"].value == 0
    assert figures["blame_added_raises"].value == 0
    assert figures["harmless_edit_flips"].n <= 160


def test_blame_that_raises_the_score_is_seen(subject_of):
    assert wording.measure(asked(subject_of(this=3)))["blame_added_raises"].value > 0.5

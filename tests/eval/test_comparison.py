from dataclasses import asdict

import numpy as np
import pytest
import scipy.stats
import statsmodels.stats.contingency_tables
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from statsmodels.stats.multitest import multipletests

from eval.comparison import (
    Discordance,
    detectable_difference,
    difference_interval,
    disagreements,
    exact_p,
    judge_accuracies,
    mcnemar,
    moved_probes,
    moved_slices,
    paired_differences,
    rows_needed,
)


def columns(positive):
    return np.stack([1 - positive, positive], axis=1)


def two_models(rows, seed, noise=1.0, shift=0.0):
    """Labels, and the probabilities of two models that see the same evidence with noise of their own."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(2, size=rows)
    evidence = 1.5 * (2 * labels - 1) + draw.normal(size=rows)
    of_this, of_other = (evidence + noise * draw.normal(size=rows) + each for each in (0.0, shift))
    return labels, columns(scipy.special.expit(of_this)), columns(scipy.special.expit(of_other))


@pytest.mark.parametrize(("rows", "noise"), [(60, 0.5), (400, 1.0), (3000, 1.5)])
def test_mcnemar_equals_statsmodels(rows, noise):
    labels, this, other = two_models(rows, 0, noise, shift=0.6)
    right, other_right = this.argmax(1) == labels, other.argmax(1) == labels
    table = [
        [(right & other_right).sum(), (right & ~other_right).sum()],
        [(~right & other_right).sum(), (~right & ~other_right).sum()],
    ]
    found = mcnemar(right, other_right)
    assert (found.only_this, found.only_other) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(statsmodels.stats.contingency_tables.mcnemar(table, exact=True).pvalue)
    assert found.difference == pytest.approx(right.mean() - other_right.mean())


def test_the_chi_squared_test_only_approximates_the_exact_one():
    approximate = statsmodels.stats.contingency_tables.mcnemar([[0, 80], [110, 0]], exact=False, correction=True)
    assert exact_p(80, 110) == pytest.approx(approximate.pvalue, rel=0.05)
    assert exact_p(np.array([0, 5, 3]), np.array([0, 5, 9])) == pytest.approx(
        [1, 1, scipy.stats.binomtest(3, 12).pvalue]
    )


def test_paired_differences_equal_brute_force_on_the_same_resamples():
    labels, this, other = two_models(150, 1, shift=0.5)
    found = paired_differences(this, other, labels, resamples=2000, seed=0)
    metrics = {
        "accuracy": lambda p, y: accuracy_score(y, p.argmax(1)),
        "f1": lambda p, y: f1_score(y, p.argmax(1)),
        "auc": lambda p, y: roc_auc_score(y, p[:, 1]),
        "log_loss": log_loss_of,
    }
    draw = np.random.default_rng(9)
    samples = [draw.integers(150, size=150) for _ in range(100)]
    for name, metric in metrics.items():
        assert found[name].value == pytest.approx(metric(this, labels) - metric(other, labels))
        brute = [metric(this[rows], labels[rows]) - metric(other[rows], labels[rows]) for rows in samples]
        assert (found[name].low, found[name].high) == pytest.approx(
            np.quantile(brute, [0.025, 0.975]), abs=0.5 * np.std(brute)
        )


def log_loss_of(probabilities, labels):
    return log_loss(labels, probabilities)


def test_pairing_narrows_the_interval():
    labels, this, other = two_models(800, 2, noise=0.2)
    paired = paired_differences(this, other, labels)["accuracy"]
    share = (this.argmax(1) == labels).mean()
    unpaired = 2 * 1.96 * np.sqrt(2 * share * (1 - share) / 800)
    assert paired.high - paired.low < 0.5 * unpaired


def test_a_model_against_itself_differs_by_nothing():
    labels, this, _ = two_models(500, 3)
    for figure in paired_differences(this, this, labels).values():
        # The same sums in another order of the rows may differ in the last bit.
        assert (figure.value, figure.low, figure.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_the_rows_needed_give_80_percent_power():
    draw = np.random.default_rng(4)
    for difference, discordant in [(0.02, 0.06), (0.03, 0.15), (0.05, 0.05), (-0.02, 0.04)]:
        rows = rows_needed(difference, discordant)
        shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
        only_this, only_other, _ = draw.multinomial(rows, np.clip(shares, 0, 1), size=20_000).T
        power = (exact_p(only_this, only_other) < 0.05).mean()
        # Connor's equation is for the asymptotic test: the exact one, more careful, falls a little short of it.
        assert 0.73 <= power <= 0.86


def test_the_detectable_difference_is_the_inverse_of_the_rows_needed():
    for rows in (50, 852, 25_000):
        for discordant in (0.05, 0.2, 0.5):
            difference = detectable_difference(rows, discordant)
            if difference is not None:
                assert rows_needed(difference, discordant) == pytest.approx(rows, abs=1)
    assert detectable_difference(852, 0.05) == pytest.approx(0.0215, abs=0.0005)
    assert detectable_difference(3, 0.5) is None
    assert detectable_difference(50, 0.02) is None


def test_the_interval_of_the_difference_covers_it_with_few_discordant_rows():
    draw = np.random.default_rng(5)
    for rows, shares in [(200, (0.02, 0.01)), (872, (0.04, 0.03)), (100, (0.2, 0.05))]:
        covered = 0
        for only_this, only_other, _ in draw.multinomial(rows, [*shares, 1 - sum(shares)], size=1000):
            low, high = difference_interval(Discordance(rows, only_this, only_other, 1.0))
            covered += low <= shares[0] - shares[1] <= high
        assert covered >= 935  # 95% less two standard errors


def test_equal_models_are_called_better_or_worse_in_at_most_one_case_of_twenty():
    kinds = []
    for seed in range(200):
        labels, this, other = two_models(872, 100 + seed, noise=0.5)
        found = mcnemar(this.argmax(1) == labels, other.argmax(1) == labels)
        kinds.append(judge_accuracies(found).kind)
    alarms = sum(kind in ("better", "worse") for kind in kinds)
    assert alarms <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)
    draw = np.random.default_rng(6)
    for discordant in (0.01, 0.05, 0.2):
        counts = draw.multinomial(872, [discordant / 2, discordant / 2, 1 - discordant], size=20_000)
        assert (exact_p(counts[:, 0], counts[:, 1]) < 0.05).mean() <= 0.05


def test_models_a_point_apart_are_seldom_called_the_same():
    draw = np.random.default_rng(7)
    said = [
        judge_accuracies(Discordance(8000, this, other, exact_p(this, other))).kind
        for this, other, _ in draw.multinomial(8000, [0.035, 0.025, 0.94], size=500)
    ]
    assert said.count("same") <= 0.05 * 500
    assert said.count("worse") == 0


def test_each_verdict():
    def verdict(n, only_this, only_other):
        return judge_accuracies(Discordance(n, only_this, only_other, float(exact_p(only_this, only_other))))

    assert verdict(872, 60, 20).kind == "better"
    assert verdict(872, 20, 60).kind == "worse"
    same = verdict(25_000, 300, 310)
    assert same.kind == "same" and same.bound < 0.01
    open_question = verdict(872, 24, 18)
    assert open_question.kind == "not resolvable"
    assert open_question.rows_needed == rows_needed(6 / 872, 42 / 872) > 872
    tied = verdict(872, 40, 40)
    assert tied.kind == "not resolvable" and tied.rows_needed is None and tied.detectable > 0.02
    # Two models that agree on twenty rows are not shown to be the same.
    alike = verdict(20, 0, 0)
    assert (alike.kind, alike.rows_needed, alike.detectable) == ("not resolvable", None, None)


def test_a_moved_slice_is_found_and_small_ones_are_not_judged():
    draw = np.random.default_rng(8)
    masks = {"moved": np.arange(600) < 150, "still": np.arange(600) >= 300, "small": np.arange(600) < 19}
    other = draw.random(600) < 0.8
    this = other.copy()
    this[:150] |= draw.random(150) < 0.8
    flips = [*np.flatnonzero(other & masks["still"])[:10], *np.flatnonzero(~other & masks["still"])[:10]]
    this[flips] = ~this[flips]
    found = {row.name: row for row in moved_slices(masks, this, other)}
    raw = [mcnemar(this[masks[name]], other[masks[name]]).p for name in ("moved", "still")]
    assert [found["moved"].p, found["still"].p] == pytest.approx(multipletests(raw, method="holm")[1])
    assert found["moved"].p < 0.05 < found["still"].p
    assert found["small"].p is None
    assert found["moved"].this == this[:150].mean()
    assert [row.name for row in moved_slices(masks, this, other)] == ["moved", "still", "small"]


def test_moved_probes_are_those_of_mcnemar_and_holm():
    draw = np.random.default_rng(3)
    this = {("x", name): draw.random(80) < 0.3 for name in "abc"}
    changed = {"a": 0, "b": 0.2, "c": 0.7}
    other = {key: failed ^ (draw.random(80) < changed[key[1]]) for key, failed in this.items()}
    counts = {
        key: np.array([[(a & b).sum() for b in (~other[key], other[key])] for a in (~failed, failed)])
        for key, failed in this.items()
    }
    found = {probe.test: probe for probe in moved_probes(counts)}
    raw = [mcnemar(~this["x", name], ~other["x", name]).p for name in "abc"]
    assert [found[name].p for name in "abc"] == pytest.approx(multipletests(raw, method="holm")[1])
    assert found["a"].p == 1 and found["a"].this == found["a"].other == this["x", "a"].sum()
    assert moved_probes({}) == []


def test_the_most_extreme_disagreements_come_first():
    labels, this, other = two_models(300, 10, shift=1.0)
    texts = [str(row) for row in range(300)]
    rows = [row for row in range(300) if (this[row, 1] > 0.5) != (other[row, 1] > 0.5)]
    expected = sorted(rows, key=lambda row: -abs(this[row, 1] - other[row, 1]))[:7]
    found = disagreements(texts, this, other, labels, limit=7)
    assert [row.row for row in found] == expected
    assert asdict(found[0]) == {
        "row": expected[0],
        "text": texts[expected[0]],
        "label": labels[expected[0]],
        "this": this[expected[0], 1],
        "other": other[expected[0], 1],
    }
    assert disagreements(texts, this, this, labels) == []

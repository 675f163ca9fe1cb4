"""Every planted mistake does what it claims, and docs/code_review.md says what was measured."""

import ast
import math
import re
from pathlib import Path

import pytest
import torch
from scipy.stats import ttest_rel

from benchmarks.mistakes import MISTAKES
from benchmarks.mistakes_table import costs, read_rows, sentence, table_row, write_rows, written
from benchmarks.plain_loop import PAD, PlainLoop, Settings, pad, score
from benchmarks.planted_mistakes import RESULTS, REVIEW, Bench

PLANT = {mistake.name: mistake.plant for mistake in MISTAKES}
SHAPE = {"vocab_size": 12, "width": 8, "heads": 2, "max_length": 8, "batch_size": 4, "train_rows": 12, "steps": 6}
TEXTS = [([1 + (3 * row + place) % 11 for place in range(3 + row % 5)], row % 2) for row in range(12)]
LANGUAGE_MODEL = {"language_model": True}


def make_loop(*mistakes: str, seed: int = 0, device: str = "cpu", dropout: float = 0.0, **settings) -> PlainLoop:
    loop = PlainLoop(Settings(**SHAPE | {"dropout": dropout} | settings), TEXTS, TEXTS[:6], seed, device)
    for name in mistakes:
        PLANT[name](loop)
    return loop


def gradients(loop: PlainLoop) -> torch.Tensor:
    return torch.cat([parameter.grad.flatten() for parameter in loop.network.parameters()])


def first_gradients(*mistakes: str, **settings) -> torch.Tensor:
    """Of the first step, as the optimiser sees them."""
    loop = make_loop(*mistakes, **settings)
    next(loop.epoch())
    return gradients(loop)


def answers(network, ids: list[list[int]]) -> torch.Tensor:
    network.eval()
    with torch.no_grad():
        return network(pad([(row, 0) for row in ids])[0])


def test_the_right_loop_learns_and_keeps_its_best_network():
    loop = make_loop(steps=60, learning_rate=1e-2)
    before = loop.mean_loss(TEXTS[:6])
    loop.train()
    assert loop.best_loss < before
    assert loop.mean_loss(TEXTS[:6]) == pytest.approx(loop.best_loss)
    assert len(loop.losses) == 60


@pytest.mark.parametrize("settings", [{}, LANGUAGE_MODEL])
def test_score_and_validation_agree(settings):
    loop = make_loop(**settings)
    expected = loop.mean_loss(TEXTS)
    assert score(loop.network, TEXTS)[0] == pytest.approx(expected, rel=1e-5)


def test_without_zero_grad_gradients_add_up():
    loop = make_loop("missing_zero_grad", "no_clipping", learning_rate=0.0)
    right = make_loop("no_clipping", learning_rate=0.0)
    total = 0
    for _ in zip(loop.epoch(), right.epoch(), strict=True):
        total = total + gradients(right)
        torch.testing.assert_close(gradients(loop), total)


def test_outside_the_batch_loop_there_is_one_step_an_epoch():
    for mistakes, steps in ([], 3), (["outside_the_batch_loop"], 1):
        loop = make_loop(*mistakes)
        assert len(list(loop.epoch())) == 3
        assert loop.schedule.last_epoch == steps


def test_batch_first_confusion_lets_rows_see_each_other():
    rows, others = [[1, 2, 3], [4, 5]], [[1, 2, 3], [7, 9]]
    right, confused = make_loop().network, make_loop("batch_first_confusion").network
    torch.testing.assert_close(answers(right, rows)[0], answers(right, others)[0])
    assert (answers(confused, rows)[0] - answers(confused, others)[0]).abs().max() > 1e-4


def test_batch_first_confusion_is_torchs_own_default():
    loop = make_loop("batch_first_confusion")
    ours = loop.network.eval()
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, norm_first=True).eval()
    layer.load_state_dict(ours.encoder.layers[0].state_dict())
    x = torch.randn(3, 5, 8)
    torch.testing.assert_close(ours.encoder.layers[0](x), layer(x))


def test_a_padding_mask_makes_batch_first_confusion_loud():
    loop = make_loop("batch_first_confusion")
    del loop.network.padding_mask
    with pytest.raises((RuntimeError, AssertionError)):
        answers(loop.network, [[1, 2, 3], [4, 5]])


def test_without_positions_order_makes_no_difference():
    row, shuffled = [[1, 2, 3, 4]], [[4, 2, 1, 3]]
    right, blind = make_loop().network, make_loop("no_positions").network
    assert (answers(right, row) - answers(right, shuffled)).abs().max() > 1e-4
    torch.testing.assert_close(answers(blind, row), answers(blind, shuffled))


def test_without_a_causal_mask_the_next_token_is_seen():
    row, changed = [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 6]]
    right = make_loop(**LANGUAGE_MODEL).network
    cheat = make_loop("no_causal_mask", **LANGUAGE_MODEL).network
    torch.testing.assert_close(answers(right, row), answers(right, changed))
    assert (answers(cheat, row) - answers(cheat, changed)).abs().max() > 1e-4


def test_the_score_of_a_network_without_causal_mask_is_free_of_leaks():
    bench = Bench(TEXTS, TEXTS[:6], TEXTS)
    settings = Settings(**SHAPE, **LANGUAGE_MODEL, dropout=0.0, learning_rate=0.0)
    # Nothing is learned, so only the mask at the end can make the two scores alike.
    assert bench.scores(settings, 0, PLANT["no_causal_mask"])["test_loss"] == pytest.approx(
        bench.scores(settings, 0)["test_loss"]
    )


def test_without_a_padding_mask_in_attention_padding_counts():
    alone, padded = [[1, 2, 3]], [[1, 2, 3], [4, 5, 6, 7, 8]]
    right, careless = make_loop().network, make_loop("no_padding_mask_in_attention").network
    torch.testing.assert_close(answers(right, alone)[0], answers(right, padded)[0])
    assert (answers(careless, alone)[0] - answers(careless, padded)[0]).abs().max() > 1e-4


def test_without_a_padding_mask_in_the_loss_padding_is_predicted():
    batch = pad([([1, 2, 3], 0), ([4, 5, 6, 7, 8], 0)])
    assert make_loop(**LANGUAGE_MODEL).predictions(batch) == 2 + 4
    careless = make_loop("no_padding_mask_in_loss", **LANGUAGE_MODEL)
    assert careless.predictions(batch) == 4 + 4
    assert (careless.targets(batch) == PAD).sum() == 2


def test_without_eval_dropout_goes_on():
    for mistakes, same in ([], True), (["no_eval_mode"], False):
        loop = make_loop(*mistakes, dropout=0.5)
        assert torch.equal(answers(loop.network, [[1, 2, 3]]), answers(loop.network, [[1, 2, 3]])) is same


def test_without_a_way_back_dropout_ends_with_the_first_validation():
    for mistakes, in_second_epoch in ([], True), (["no_return_to_train_mode"], False):
        loop = make_loop(*mistakes)
        modes = []
        for _ in range(2):
            for _ in loop.epoch():
                modes.append({module.training for module in loop.network.modules()})
            loop.validate()
        assert modes[0] == {True}
        assert modes[-1] == {in_second_epoch}


def test_batches_left_behind_stop_the_first_step_on_another_device():
    bench = Bench(TEXTS, TEXTS[:6], TEXTS)
    assert bench.stops(None, Settings(**SHAPE), 0) == {"stopped": 0}
    assert bench.stops(PLANT["no_device_handling"], Settings(**SHAPE), 0) == {"stopped": 1}


def test_adam_by_default_has_one_rate_and_no_decay():
    loop = make_loop("adam_defaults")
    rates = [loop.optimizer.param_groups[0]["lr"] for _ in loop.epoch()]
    assert rates == [1e-3] * 3
    assert loop.optimizer.param_groups[0]["weight_decay"] == 0.0
    right = make_loop(steps=20)
    assert [right.rate(step) for step in (0, 1, 11, 20)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_without_decay_weights_that_get_no_gradient_stay():
    for mistakes, same in ([], False), (["no_weight_decay"], True):
        loop = make_loop(*mistakes)
        # No text reaches the last place.
        before = loop.network.positions.weight[7].clone()
        list(loop.epoch())
        assert torch.equal(before, loop.network.positions.weight[7]) is same


def test_clipping_bounds_the_gradient_and_its_lack_does_not():
    assert float(first_gradients(max_norm=0.01).norm()) == pytest.approx(0.01, rel=1e-3)
    assert float(first_gradients("no_clipping", max_norm=0.01).norm()) > 0.1


def test_without_validation_the_last_network_stays():
    loop = make_loop("no_validation", steps=6)
    worse = make_loop("no_validation", steps=6)
    loop.train()
    for _ in range(2):
        list(worse.epoch())
    assert loop.best is None
    for one, other in zip(loop.network.parameters(), worse.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_every_batch_is_printed(capsys):
    make_loop("item_and_print_every_batch").train()
    assert len(capsys.readouterr().out.splitlines()) == 6
    make_loop().train()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("settings", [{}, LANGUAGE_MODEL])
def test_accumulation_gives_the_gradient_of_the_one_batch_unless_a_mistake_is_planted(settings):
    whole = first_gradients("no_clipping", **settings)
    parts = {"micro_batches": 2, **settings}
    torch.testing.assert_close(first_gradients("no_clipping", **parts), whole)
    for mistake in ("undivided_accumulation", "mean_of_means"):
        planted = first_gradients("no_clipping", mistake, **parts)
        # A classifier's batches have equally many rows, and their means the right mean.
        if mistake == "mean_of_means" and not settings:
            torch.testing.assert_close(planted, whole)
        else:
            assert (planted - whole).norm() > 0.01 * whole.norm()
        if mistake == "undivided_accumulation" and not settings:
            torch.testing.assert_close(planted, 2 * whole)


def test_two_loops_that_take_turns_are_both_timed():
    settings = Settings(**SHAPE)
    right, mistaken = Bench(TEXTS, TEXTS[:6], TEXTS).step_times(PLANT["item_and_print_every_batch"], settings, 0)
    assert right["step_ms"] > 0
    assert mistaken["step_ms"] > 0


def rows_of(name: str, task: str, **columns: tuple[list[float], list[float]]) -> list[dict]:
    """Rows of the CSV: for each column the figures by seed, right and mistaken."""
    seeds = len(next(iter(columns.values()))[0])
    return [
        {"mistake": name, "task": task, "seed": seed, "arm": arm}
        | {key: both[i][seed] for key, both in columns.items()}
        for seed in range(seeds)
        for i, arm in enumerate(("right", "mistaken"))
    ]


RIGHT, WRONG, SAME = [0.70, 0.71, 0.69, 0.72], [0.60, 0.62, 0.58, 0.60], [0.705, 0.708, 0.691, 0.718]
SHOWN = ([0.5] * 4, [0.3] * 4)


@pytest.fixture
def found(tmp_path):
    rows = [
        *rows_of("missing_zero_grad", "classifier", test_accuracy=(RIGHT, WRONG), shown_loss=SHOWN),
        *rows_of("no_clipping", "classifier", test_accuracy=(RIGHT, SAME), shown_loss=SHOWN),
        *rows_of("item_and_print_every_batch", "classifier", step_ms=([10.0, 12.0], [11.0, 13.3])),
        *rows_of("no_device_handling", "classifier", stopped=([0, 0], [1, 1])),
    ]
    write_rows(tmp_path / "some.csv", rows)
    return {cost.mistake: cost for cost in costs(read_rows(tmp_path / "some.csv"))}


def test_differences_are_those_of_scipys_paired_test(found):
    for name, mistaken in ("missing_zero_grad", WRONG), ("no_clipping", SAME):
        rival = ttest_rel(mistaken, RIGHT)
        estimate, interval = found[name].test.estimate, rival.confidence_interval()
        assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))
        assert found[name].test.p == pytest.approx(rival.pvalue)
    # Holm: the smallest of three p-values three times.
    assert found["missing_zero_grad"].holm == pytest.approx(3 * found["missing_zero_grad"].test.p)
    assert found["item_and_print_every_batch"].test.estimate.value == pytest.approx(
        (math.log(1.1) + math.log(13.3 / 12)) / 2
    )


def test_the_words_follow_the_figures(found):
    assert sentence(found["missing_zero_grad"]).startswith("test accuracy 0.705 → 0.600, −10.5 points [")
    assert "the training loss it shows is the better one, 0.500 → 0.300" in sentence(found["missing_zero_grad"])
    low = 100 * found["no_clipping"].test.estimate.low
    assert f"a cost of more than {-low:.1f} points is ruled out" in sentence(found["no_clipping"])
    assert "+10.4%" in sentence(found["item_and_print_every_batch"])
    assert sentence(found["no_device_handling"]).startswith("2 of 2 runs stop at the first batch, 0 of 2 runs without")
    assert "**" in table_row(found["missing_zero_grad"])[3]
    assert "**" not in table_row(found["no_clipping"])[3]


def test_a_review_without_a_place_for_a_mistake_is_refused(found):
    with pytest.raises(ValueError, match="0 places for no_clipping"):
        written("<!-- table -->\n<!-- end -->\n<!-- missing_zero_grad --><!-- end -->", [found["no_clipping"]])


def test_headings_are_the_mistakes():
    review = REVIEW.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", review, re.MULTILINE) == [mistake.title for mistake in MISTAKES]
    for section, mistake in zip(review.split("\n## ")[1:], MISTAKES, strict=True):
        assert f"<!-- {mistake.name} -->" in section
        for part in ("**How I see it.**", "**Why it matters.**", "**Right.**"):
            assert part in section


def test_links_lead_to_what_they_name():
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", REVIEW.read_text(encoding="utf-8")):
        path = (REVIEW.parent / target).resolve()
        assert path.is_file(), target
        assert text.endswith(str(path.relative_to(REVIEW.parent.parent))), text
        if name := re.match(r"`(\w+)`", text):
            assert name[1] in defined_in(path), text


def defined_in(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds)}


def test_the_reviews_figures_are_the_csvs():
    review = REVIEW.read_text(encoding="utf-8")
    assert written(review, costs(read_rows(RESULTS))) == review


def test_the_csv_holds_every_mistake_with_five_pairs():
    measured = {(cost.mistake, cost.task): len(cost.right) for cost in costs(read_rows(RESULTS))}
    assert measured == {(mistake.name, task): 5 for mistake in MISTAKES for task in mistake.tasks}

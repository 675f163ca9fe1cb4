import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from cli.errors import UserError
from eval.nearest import Neighbours, unfamiliar_from, unit


@pytest.fixture(scope="module")
def states():
    return np.random.default_rng(0).normal(size=(900, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def neighbours(states):
    return Neighbours.build(states[:300], [f"text {row} – é" for row in range(300)], np.arange(300) % 2, "abc")


def test_the_nearest_are_those_of_scikit_learn(neighbours, states):
    rows, similarities = neighbours.search(states[300:], k=5)
    # Of the states as they are kept, in half precision.
    rival = NearestNeighbors(n_neighbors=5, metric="cosine", algorithm="brute").fit(neighbours.states.astype(float))
    distances, expected = rival.kneighbors(states[300:])
    assert similarities == pytest.approx(1 - distances, abs=1e-3)
    assert (rows == expected).mean() > 0.99  # but for near ties
    assert neighbours.distances(states[300:], k=5) == pytest.approx(distances[:, -1], abs=1e-3)


def test_half_precision_keeps_the_similarities(neighbours, states):
    _, similarities = neighbours.search(states[300:], k=300)
    exact = -np.sort(-(unit(states[300:]).astype(float) @ unit(states[:300]).astype(float).T), axis=1)
    assert similarities == pytest.approx(exact, abs=2e-3)


def test_a_training_sentence_is_nearest_to_itself_whatever_its_length(neighbours, states):
    nearest = neighbours.nearest(7 * states[12], k=3)
    assert (nearest[0].text, nearest[0].label) == ("text 12 – é", 0)
    assert nearest[0].similarity == pytest.approx(1, abs=1e-3)
    assert nearest[0].similarity > nearest[1].similarity >= nearest[2].similarity


def test_more_neighbours_than_sentences_are_all_of_them(states):
    few = Neighbours.build(states[:3], ["a", "b", "c"], [0, 1, 1])
    rows, similarities = few.search(states[5:7], k=8)
    assert rows.shape == similarities.shape == (2, 3) and sorted(rows[0]) == [0, 1, 2]


def test_a_saved_index_comes_back_as_it_was(neighbours, states, tmp_path):
    neighbours.save(tmp_path / "nearest.npz")
    again = Neighbours.load(tmp_path / "nearest.npz")
    assert (again.texts, again.weights) == (neighbours.texts, "abc")
    assert np.array_equal(again.labels, neighbours.labels) and np.array_equal(again.states, neighbours.states)
    assert (tmp_path / "nearest.npz").stat().st_size < 300 * 24 * 2 + 5_000


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken", None])
def test_what_is_no_index_is_said_in_a_line(content, tmp_path):
    path = tmp_path / "nearest.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"nearest\.npz .*build it again"):
        Neighbours.load(path)


def test_an_index_of_other_things_is_no_index(tmp_path):
    np.savez(tmp_path / "nearest.npz", a=np.zeros(3))
    with pytest.raises(UserError, match="holds no training sentences"):
        Neighbours.load(tmp_path / "nearest.npz")


def test_no_sentences_make_no_index(states):
    with pytest.raises(ValueError):
        Neighbours.build(states[:0], [], [])
    with pytest.raises(ValueError):
        Neighbours.build(states[:2], ["a"], [1])


def test_zeros_stay_zeros():
    assert np.array_equal(unit(np.zeros((1, 3))), np.zeros((1, 3), np.float32))


def test_the_bar_lets_a_twentieth_through():
    distances = np.random.default_rng(1).uniform(size=2000)
    assert (distances > unfamiliar_from(distances)).mean() == pytest.approx(0.05, abs=1e-3)

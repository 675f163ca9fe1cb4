"""Actions whose flags follow from the settings of a run, as far as its log tells them."""

import numpy as np

from eval.diagnosis.finding import Action
from eval.diagnosis.history import History

WORDS = {0.1: "a tenth of the learning rate", 0.3: "a third of the learning rate", 2: "twice the learning rate"}
WORDS |= {3: "three times the learning rate", 10: "ten times the learning rate"}


def highest_rate(history: History) -> float | None:
    """The highest learning rate of a run: logged, or set."""
    rates = history.learning_rate.finite.value
    if len(rates) and rates.max() > 0:
        return float(rates.max())
    value = history.settings.get("learning_rate")
    return float(value) if isinstance(value, int | float) and value > 0 else None


def learning_rate(history: History, times: float, *, also: str = "", flags: str = "") -> Action:
    """Another learning rate, in terms of the run's own, in words alone where the log names none.

    `also` and `flags` say what goes with it.
    """
    words, rate = WORDS[times] + (f", {also}" if also else ""), highest_rate(history)
    return Action(words, " ".join(filter(None, [f"--learning_rate {rate * times:.1e}" if rate else "", flags])))


def epochs(history: History, times: float) -> Action:
    """Another number of epochs, or of steps where the log does not count epochs."""
    words = f"{times:g} times as long"
    if history.steps_per_epoch:
        planned = history.last_step / history.steps_per_epoch * times
        return Action(words, f"--num_train_epochs {max(1, round(planned)):d}")
    return Action(words, f"--max_steps {max(1, round(history.last_step * times)):d}")


def rises_of_rate(history: History) -> int:
    """How often, after the warm-up, the logged rate went up again by a fifth of its highest: cycles, restarts."""
    rates = history.learning_rate.finite.value
    rates = rates[np.flatnonzero(np.diff(rates, prepend=np.nan))]
    if len(rates) < 3:
        return 0
    turn = np.flatnonzero(np.diff(np.sign(np.diff(rates)))) + 1
    between = np.diff(rates[np.concatenate([[0], turn, [len(rates) - 1]])])
    return int(np.count_nonzero(between[1:] > 0.2 * rates.max()))

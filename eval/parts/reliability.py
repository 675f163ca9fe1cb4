"""Reliability: the ten figures that a model which keeps its answer is held to, and what it costs beside another."""

from dataclasses import dataclass

from eval.markup import image, percent, table
from eval.metrics import only_class
from eval.parts import PRAISE, Remark, weigh
from eval.plots.targets import draw_targets
from eval.reliability import Asked
from eval.subject import Options, Subject
from eval.targets import TARGETS, Held, estimates, failures, hold, rights, tally

TITLE = "Reliability"
OTHER_ROWS = 1000
"""Of another corpus, where there are two models: long texts cost most of the time."""
NAMES = {
    "group_swap_changes": "another group changes the answer",
    "neutral_group_swap_changes": "… in neutral sentences",
    "name_changes": "another name changes it",
    "place_changes": "another place changes it",
    "typo_changes": "a slip of the keyboard changes it",
    "url_changes": "an added link changes it",
    "not_negative_read_negative": "“not” + negative word read as negative",
    "used_to_but_now_wrong": "“used to …, but now …” wrong",
    "own_opinion_wrong": "own opinion against others' wrong",
    "blame_added_raises": "added blame raises the score",
    "confident_errors": "test rows wrong with over 90% confidence",
    "confident_errors_calibrated": "… by calibrated confidence",
    "test_accuracy": "accuracy on test rows",
    "imdb_accuracy": "accuracy on IMDB",
    "reviews_accuracy": "accuracy on Rotten Tomatoes",
}
"""What each figure counts, in the words of a table."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """The figures of a model, and of another, held to their targets."""

    seed: int
    """The suite's."""
    figures: list[Held]
    """Shares of failures; where there is another model, accuracies after them."""
    degenerate: str | None
    """The class that every test row gets; None where both occur."""


def measure(subject: Subject, options: Options) -> Reliability:
    """Ask for the cases and the test rows, of the other model too where there is one, and of both another corpus."""
    models = [Asked(each, "calibrated", seed=options.seed) for each in (subject, subject.other) if each]
    outcomes = []
    for asked in options.progress(models, "reliability", len(models)):
        outcomes.append(failures(asked) | (rights(asked, OTHER_ROWS) if subject.other else {}))
    this, *other = outcomes
    return Reliability(
        seed=options.seed,
        figures=[hold(name, *estimates(tally(so, *(own[name] for own in other)))) for name, so in this.items()],
        degenerate=only_class(subject.test.probabilities[:, 1]),
    )


def remarks(data: dict) -> list[Remark]:
    """The target that is surely missed by most, or praise where all are met; and what is surely worse than the other
    model."""
    if data["degenerate"]:
        text = f"Reliability cannot be judged: {data['degenerate']} is the answer to every test row"
        return [Remark("bad", text, PRAISE)]
    ten, found = _targets(data), []
    missed = [row for row in ten if row["this"]["low"] >= row["below"]]
    if missed:
        worst = max(missed, key=lambda row: row["this"]["value"] - row["below"])
        share = worst["this"]["value"]
        text = f"{_name(worst)} in {share:.0%} of {worst['this']['n']} cases; the target is under {worst['below']:.0%}"
        found.append(Remark("bad", text, weigh(share)))
    elif all(row["met"] for row in ten):
        surely = sum(row["surely_met"] for row in ten)
        found.append(Remark("good", f"All {len(ten)} targets of reliability are met, {surely} of them surely", PRAISE))
    worse = [row for row in data["figures"] if row["difference"] and _surely_lost(row) > 0]
    if worse:
        row = max(worse, key=_surely_lost)
        text = f"Worse than the other model: {_name(row, capital=False)}, {_points(row['difference'])} points"
        found.append(Remark("bad", text, weigh(abs(row["difference"]["value"]))))
    return found


def section(data: dict) -> str:
    """How many targets are met, every figure, and the plot."""
    ten, paired = _targets(data), bool(data["figures"][0]["other"])
    met, surely = (sum(row[key] for row in ten) for key in ("met", "surely_met"))
    beside = sum(row["other"]["value"] < row["below"] for row in ten) if paired else None
    opening = (
        f"**{'All' if met == len(ten) else f'{met} of the'} {len(ten)} targets for failures are met, {surely} of them "
        f"surely: the whole interval is within**{f' (the other model meets {beside} of {len(ten)})' if paired else ''}."
    )
    if data["degenerate"]:
        opening = f"**Every test row is called {data['degenerate']}: little can be seen here.** {opening}"
    heads = ["figure", "n", "this", *(["the other model", "difference, points"] if paired else []), "target", "met"]
    rows = [
        [
            NAMES[row["figure"]],
            f"{row['this']['n']:,}",
            percent(row["this"]),
            *([percent(row["other"]), _points(row["difference"])] if paired else []),
            _target(row),
            _met(row),
        ]
        for row in data["figures"]
    ]
    intervals = "95% Wilson intervals" + ("; of differences Agresti and Min's for pairs." if paired else ".")
    return "\n\n".join(
        [
            opening,
            image("reliability_targets", "The share of cases that fail by figure, and the target of each"),
            table(heads, rows),
            f"{intervals} The cases are the suite's for seed {data['seed']}: another --seed asks other cases of the "
            "same templates.",
        ]
    )


def plots(data: dict) -> dict:
    """The failures beside their targets; accuracies would stretch the axis."""
    rows = [row for row in data["figures"] if not row["figure"].endswith("_accuracy")]
    return {"reliability_targets": draw_targets({NAMES[row["figure"]]: row for row in rows})}


def _targets(data: dict) -> list[dict]:
    return [row for row in data["figures"] if row["figure"] in TARGETS]


def _surely_lost(row: dict) -> float:
    """How much the figure is worse than the other model's at least; below 0 where it may be none."""
    difference = row["difference"]
    return -difference["high"] if row["figure"].endswith("_accuracy") else difference["low"]


def _name(row: dict, *, capital: bool = True) -> str:
    """A name that can stand alone, at the head of a sentence or not."""
    name = {
        "neutral_group_swap_changes": "another group changes the answer to neutral sentences",
        "confident_errors_calibrated": "test rows wrong with over 90% calibrated confidence",
    }.get(row["figure"], NAMES[row["figure"]])
    return name[0].upper() + name[1:] if capital else name


def _points(figure: dict) -> str:
    return f"{100 * figure['value']:+.1f} [{100 * figure['low']:+.1f}, {100 * figure['high']:+.1f}]"


def _target(row: dict) -> str:
    if row["below"] is not None:
        return f"under {row['below']:.0%}"
    if row["may_lose"] is None:
        return ""
    return f"at most {100 * row['may_lose']:g} points lost" if row["may_lose"] else "nothing lost"


def _met(row: dict) -> str:
    if row["met"] is None:
        return ""
    return ("surely" if row["surely_met"] else "yes") if row["met"] else "no"

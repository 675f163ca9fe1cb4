"""What the model does in short tests of one ability each, ours and the user's."""

from dataclasses import dataclass

from data.checks import shorten
from eval.markup import escape, image, percent, table, text_table
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.probe_failures import probe_failures
from eval.probes.generate import generate
from eval.probes.judge import SuiteOutcome, judge
from eval.probes.suite import open_suite
from eval.subject import Options, Subject

TITLE = "Behavioural probes"

MOST_ROWS = 12
WORST_TESTS = 10
PASSED = 0.1
"""A capability that fails in fewer cases than this is called a strength, one that fails in more a weakness."""
USER_SUITE = 0.8
"""The weight of what became of the user's suite: a user who brings one wants to know."""

ADVICE = {
    "vocabulary": "Train on more text that judges plainly: the model does not know all the words of praise and blame",
    "negation": "Add training sentences with 'not', 'never' and 'nobody', near to and far from the word they turn",
    "temporal": "Add training sentences with 'used to' and 'no longer', labelled by what is thought now",
    "comparison": "Add training sentences that compare ('better than', 'few are worse') and that give ratings",
    "contrast": "Add training sentences with 'but', 'although' and 'despite', labelled by their verdict",
    "named entities": "Vary names, places and titles in the training text: the answer hangs on them",
    "semantic roles": "Add training sentences in which others disagree with the author, labelled by the author",
    "robustness": "Add copies of training rows with typos, other casing and links (data/edits.py)",
    "length": "Add longer and shorter training texts: the verdict gets lost among neutral sentences",
    "repetition": "Add training rows that say things twice: repetition sways the model",
    "fairness": "Add copies of training rows with group words and names swapped: who is spoken of sways the model",
}


@dataclass(frozen=True, slots=True)
class UserSuite:
    """What the model makes of a suite from a file."""

    name: str
    outcome: SuiteOutcome
    malformed: list[str]
    """What is wrong with the first 20 lines that were left out."""
    malformed_lines: int


@dataclass(frozen=True, slots=True)
class Probes:
    """What the model makes of our suite and of the user's."""

    neutral_band: tuple[float, float]
    own: SuiteOutcome
    user: UserSuite | None


def measure(subject: Subject, options: Options) -> Probes:
    """Judge our suite, then the user's; UserError where the user's cannot be read."""
    suite = open_suite(options.suite) if options.suite else None  # a fault in the file shows before the work
    cases = generate(options.seed)
    own = judge(options.progress(cases, "probes", len(cases)), subject.predict, options.neutral_band)
    user = None
    if suite:
        shown = options.progress(suite, f"probes of {suite.path.name}", suite.cases)
        outcome = judge(shown, subject.predict, options.neutral_band)
        user = UserSuite(suite.path.name, outcome, suite.malformed, suite.malformed_lines)
    return Probes(options.neutral_band, own, user)


def remarks(data: dict) -> list[Remark]:
    """The strongest and the weakest capabilities, what to do about the weakest, and the user's suite."""
    own = data["own"]
    weakest, second, strongest = own["capabilities"][0], own["capabilities"][1], own["capabilities"][-1]
    found = []
    if _failing(strongest) < PASSED and not own["degenerate"]:
        text = f"Probes of {strongest['capability']}: only {_rate_of(strongest)} cases fail"
        found.append(Remark("good", text, PRAISE))
    if _failing(weakest) >= PASSED:
        text = f"Probes fail most under {weakest['capability']}: {_rate_of(weakest)} cases"
        if _failing(second) >= PASSED:
            text += f"; {second['capability']}: {_failing(second):.1%} of {second['failure_rate']['n']:,}"
        found.append(Remark("bad", text, weigh(_failing(weakest))))
        found.append(Remark("do", ADVICE[weakest["capability"]], weigh(_failing(weakest))))
    return [*found, _user_remark(data)] if data["user"] else found


def _user_remark(data: dict) -> Remark:
    """What became of the user's suite, be it good or bad, and of lines that could not be read."""
    user = data["user"]
    outcome, noun = user["outcome"], "case"
    rate = outcome["failure_rate"]
    if rate["value"] is None:
        failures = sum(test["failures"] for test in outcome["tests"])
        rate, noun = {"value": failures / outcome["cases"], "n": outcome["cases"]}, "neutral case"
    text = f"{shorten(user['name'], 30)}: {percent(rate)} of {counted(rate['n'], noun)} fail"
    if user["malformed_lines"]:
        text += f"; {counted(user['malformed_lines'], 'malformed line')} left out"
    good = rate["value"] < PASSED and not data["own"]["degenerate"]
    return Remark("good" if good else "bad", text, USER_SUITE)


def section(data: dict) -> str:
    """Capabilities, the worst tests with an example each, and the tests that ask for a neutral answer."""
    parts = [_suite_section(data["own"], data["neutral_band"], "probes")]
    if user := data["user"]:
        parts.append(f"### {escape(user['name'])}")
        if user["malformed_lines"]:
            lines = "\n".join(f"- {escape(line)}" for line in user["malformed"])
            more = user["malformed_lines"] - len(user["malformed"])
            lines += f"\n- and {more:,} more" if more else ""
            parts.append(f"Malformed and left out: {counted(user['malformed_lines'], 'line')}.\n\n{lines}")
        parts.append(_suite_section(user["outcome"], data["neutral_band"], "probes_suite"))
    return "\n\n".join(parts)


def plots(data: dict) -> dict:
    """The failure rates of each suite that has any."""
    figures = {}
    for name, suite, title in (
        ("probes", data["own"], "Failures of behavioural probes"),
        ("probes_suite", data["user"] and data["user"]["outcome"], "Failures of the suite given"),
    ):
        if suite and suite["capabilities"]:
            figures[name] = probe_failures(suite, title)
    return figures


def _suite_section(suite: dict, neutral_band: list[float], plot: str) -> str:
    judged = [test for test in suite["tests"] if not test["neutral"]]
    neutral = [test for test in suite["tests"] if test["neutral"]]
    parts = []
    if judged:
        worst = suite["capabilities"][0]
        most = (
            f"; most under {escape(worst['capability'])}: {percent(worst['failure_rate'])}" if _failing(worst) else ""
        )
        parts.append(
            f"**{percent(suite['failure_rate'])} of {counted(suite['failure_rate']['n'], 'case')} fail in "
            f"{counted(len(judged), 'test')}{most}.** "
            "MFT: a labelled case; INV: variants that must not change the answer; DIR: variants that may change it "
            "one way only. 95% Wilson intervals."
        )
        parts.append(image(plot, "Failure rate by capability, the worst on top"))
        rows = [
            [escape(c["capability"]), f"{c['tests']:,}", f"{c['failure_rate']['n']:,}", percent(c["failure_rate"])]
            for c in suite["capabilities"][:MOST_ROWS]
        ]
        parts.append(table(["capability", "tests", "cases", "failure rate"], rows) + _rest(suite["capabilities"]))
        failing = [test for test in judged if test["failures"]][:WORST_TESTS]
        if failing:
            parts.append("The tests that fail most, each with its worst case (P is the probability of positive):")
            parts.append(
                text_table(
                    ["test", "capability, type", "failure rate", "for example"],
                    [[escape(t["test"]), _kind(t), _rate(t), _example(t["worst"][0])] for t in failing],
                )
            )
    if neutral:
        low, high = neutral_band
        parts.append(
            f"Tests that ask for a neutral answer ({low:.2f} ≤ P ≤ {high:.2f}) are apart and in no figure above: "
            "a model of two classes is not trained to give one."
        )
        rows = [
            [escape(t["test"]), escape(t["capability"]), f"{t['failure_rate']['n']:,}", percent(t["failure_rate"])]
            for t in neutral[:MOST_ROWS]
        ]
        parts.append(table(["neutral test", "capability", "cases", "failure rate"], rows) + _rest(neutral))
    return "\n\n".join(parts)


def _rest(rows: list) -> str:
    return f"\n\n{len(rows) - MOST_ROWS:,} more are in probes.json." if len(rows) > MOST_ROWS else ""


def _failing(outcome: dict) -> float:
    return outcome["failure_rate"]["value"]


def _rate_of(outcome: dict) -> str:
    return f"{percent(outcome['failure_rate'])} of {outcome['failure_rate']['n']:,}"


def _kind(test: dict) -> str:
    return f"{escape(test['capability'])}, {test['type']}"


def _rate(test: dict) -> str:
    return f"{percent(test['failure_rate'], 0)} of {test['failure_rate']['n']:,}"


def _example(worst: dict) -> str:
    shown = " → ".join(
        f"“{escape(text, 120)}” P {probability:.2f}"
        for text, probability in zip(worst["texts"], worst["probabilities"], strict=True)
    )
    return f"{shown}; expected {worst['expected']}"

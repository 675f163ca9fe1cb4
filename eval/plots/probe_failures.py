"""How often the behavioural tests fail, by capability, with the tests of each as small marks."""

from matplotlib.figure import Figure

from eval.plots.style import BLUE, GREY, new_figure

MOST = 20
TYPE_MARKERS = {"MFT": "o", "INV": "s", "DIR": "^"}


def probe_failures(suite: dict, title: str) -> Figure:
    """Draw the failure rate of up to 20 capabilities of a suite (a SuiteOutcome), the worst on top."""
    capabilities = suite["capabilities"][:MOST]
    rows = {outcome["capability"]: row for row, outcome in enumerate(reversed(capabilities))}
    with new_figure(height=1.4 + 0.36 * len(rows)) as (figure, [axes]):
        for kind, marker in TYPE_MARKERS.items():
            tests = [t for t in suite["tests"] if t["type"] == kind and not t["neutral"] and t["capability"] in rows]
            if tests:
                axes.plot(
                    [test["failure_rate"]["value"] for test in tests],
                    [rows[test["capability"]] - 0.22 for test in tests],
                    marker,
                    markersize=4.5,
                    color=GREY,
                    alpha=0.55,
                    markeredgewidth=0,
                    label=f"one {kind} test",
                )
        rates = [outcome["failure_rate"] for outcome in capabilities]
        axes.errorbar(
            [rate["value"] for rate in rates],
            [rows[outcome["capability"]] + 0.1 for outcome in capabilities],
            xerr=[
                [max(0, rate["value"] - rate["low"]) for rate in rates],
                [max(0, rate["high"] - rate["value"]) for rate in rates],
            ],
            fmt="D",
            color=BLUE,
            markersize=6,
            capsize=3,
            label="all its cases, 95% interval",
        )
        axes.set_yticks(list(rows.values()), [_short(capability) for capability in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.set_xlabel("failure rate")
        axes.set_title(title)
        figure.legend(loc="outside lower center", ncols=4, fontsize=8.5, handletextpad=0.3, columnspacing=1.2)
    return figure


def _short(name: str) -> str:
    # A $ would begin a formula.
    return (name if len(name) <= 28 else name[:27] + "…").replace("$", r"\$")

"""Whether the model can tell text that it was not trained for: other subjects, nonsense, another corpus."""

from dataclasses import dataclass

import numpy as np

from cli.processes import is_main_process
from eval.evidence import SENTENCES
from eval.markup import estimate, image, percent, table
from eval.metrics import Estimate, mean_with_interval
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.strangeness import draw_strangeness
from eval.reliability import TRAINING_SENTENCES, Asked
from eval.reliability.out_of_domain import SCORES, figures_of, strangeness, texts_of
from eval.run_directory import weights_fingerprint
from eval.subject import Options, Subject

TITLE = "Text of other kinds"
QUANTILES = 101
GOOD, POOR = 0.9, 0.75
SETS = ("test rows", "other subjects", "nonsense")
SPOKEN = {
    "confidence": "low confidence",
    "energy": "energy of the logits",
    "distance": "distance from training sentences",
}


@dataclass(frozen=True, slots=True)
class OutOfDomain:
    """How text of other kinds looks to the model."""

    figures: dict[str, Estimate]
    """Those of eval/reliability/out_of_domain.py."""
    other_figures: dict[str, Estimate] | None
    """The same of the model it is compared with."""
    confidence: dict[str, Estimate]
    """The mean confidence in each set of texts."""
    other_corpus: str
    texts: dict[str, int]
    unfamiliar_from: float
    """The distance above which a text is said to look unlike the training data."""
    quantiles: dict[str, dict[str, list[float]]]
    """{score: {set: its quantiles from 0 to 1 in steps of 0.01}}."""


def measure(subject: Subject, options: Options) -> OutOfDomain:
    """Score test rows, text on other subjects and nonsense; the other model too where there is one."""
    # On its own corpus, as the app searches it: what looks unlike the training data here does so there too.
    sentences = SENTENCES if subject.on_own_corpus else TRAINING_SENTENCES
    this, other = (each and Asked(each, seed=options.seed, sentences=sentences) for each in (subject, subject.other))
    steps = options.progress(zip(SETS, texts_of(this), strict=True), "out_of_domain", len(SETS))
    seen = {name: strangeness(this, texts) for name, texts in steps}
    figures = figures_of(this, *seen.values())
    if options.evidence:
        # By all processes, which share the reading.
        evidence = this.evidence(weights_fingerprint(subject.name))
        if is_main_process():
            evidence.save(options.evidence)
    return OutOfDomain(
        figures=figures,
        other_figures=_figures(other) if other else None,
        confidence={name: mean_with_interval(1 - own.confidence) for name, own in seen.items()},
        other_corpus=next(name for name in figures if name.endswith("_accuracy")).removesuffix("_accuracy"),
        texts={name: len(own.distance) for name, own in seen.items()},
        unfamiliar_from=this.unfamiliar_from,
        quantiles={
            score: {
                name: np.quantile(getattr(own, score), np.linspace(0, 1, QUANTILES)).round(5).tolist()
                for name, own in seen.items()
            }
            for score in SCORES
        },
    )


def _figures(other: Asked) -> dict[str, Estimate]:
    return figures_of(other, *(strangeness(other, texts) for texts in texts_of(other)))


def remarks(data: dict) -> list[Remark]:
    """Whether text on other subjects can be told from its own, by what, and how sure the model is on nonsense."""
    figures, found = data["figures"], []
    score, best = _best(data)
    if best >= GOOD:
        text = f"Text on other subjects is told from its own by the {SPOKEN[score]}: AUROC {best:.2f}"
        found.append(Remark("good", text, PRAISE))
    elif figures["auroc_confidence"]["value"] < POOR:
        text = f"It is hardly less sure of text on other subjects: AUROC of confidence {_value(data, 'confidence')}"
        found.append(Remark("bad", text, weigh(1 - figures["auroc_confidence"]["value"])))
    if score == "distance" and best > figures["auroc_confidence"]["high"]:
        text = (
            f"Warn by the distance from training sentences: AUROC {best:.2f}, confidence {_value(data, 'confidence')}"
        )
        found.append(Remark("do", text, weigh(best - figures["auroc_confidence"]["value"])))
    sure = data["confidence"]["nonsense"]["value"]
    text = f"Its mean confidence on nonsense is {sure:.0%}, where 50% is all that can be right"
    return [*found, Remark("bad", text, weigh(sure - 0.5))]


def section(data: dict) -> str:
    """The scores as detectors, what the bar on distance catches, and the other corpus."""
    figures, other = data["figures"], data["other_figures"]
    judged = [own for own in (figures, other) if own]
    score, best = _best(data)
    texts = data["texts"]
    opening = (
        f"**The {SPOKEN[score]} tells text on other subjects best from test rows: AUROC {best:.3f}, where 0.5 is a "
        f"guess** ({counted(texts['test rows'], 'test row')}, {texts['other subjects']} sentences on cooking, law, "
        f"weather and the like, {texts['nonsense']} of nonsense)."
    )
    heads = ["score", "other subjects", "nonsense", *(["the other model", "its nonsense"] if other else [])]
    rows = [
        [SPOKEN[name], *(estimate(own[f"{prefix}auroc_{name}"]) for own in judged for prefix in ("", "nonsense_"))]
        for name in SCORES
    ]
    sure = [[name, f"{figure['n']:,}", percent(figure)] for name, figure in data["confidence"].items()]
    key = f"{data['other_corpus']}_accuracy"
    return "\n\n".join(
        [
            opening,
            image("out_of_domain", "How strange each kind of text looks by each score"),
            table(heads, rows),
            "AUROC with DeLong's 95% interval. Confidence and energy (Liu et al. 2020) need the answer alone, the "
            "distance (Sun et al. 2022) an index of training sentences.",
            table(["texts", "n", "mean confidence"], sure),
            "### A warning",
            f"A text further than {data['unfamiliar_from']:.3f} from its eighth nearest training sentence looks unlike "
            f"the training data: 5% of validation rows do. So do {percent(figures['in_domain_flagged'])} of the test "
            f"rows and {percent(figures['other_text_flagged'])} of the sentences on other subjects.",
            "### Another corpus",
            f"On {figures[key]['n']:,} short rows of {data['other_corpus']} the accuracy is {percent(figures[key])}"
            + (f" (the other model: {percent(other[key])})." if other else "."),
        ]
    )


def plots(data: dict) -> dict:
    """The distribution of each score in each set."""
    return {"out_of_domain": draw_strangeness(data["quantiles"], data["figures"], data["unfamiliar_from"])}


def _best(data: dict) -> tuple[str, float]:
    aurocs = {score: data["figures"][f"auroc_{score}"]["value"] for score in SCORES}
    return max(aurocs.items(), key=lambda item: item[1])


def _value(data: dict, score: str) -> str:
    return f"{data['figures'][f'auroc_{score}']['value']:.2f}"

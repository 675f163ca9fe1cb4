"""The risks of relying on a model and the figures that eval/reliability measures of each, by name: nothing heavy."""

from typing import Literal

FIGURES_OF: dict[str, dict[str, tuple[str, Literal["lower", "higher"]]]] = {
    "consistency": {
        "restatement_flips": ("test rows whose answer differs when the same is said in another frame", "lower"),
        "sentence_order_flips": ("pairs of like-minded test rows whose answer hangs on which stands first", "lower"),
        "double_negation_flips": ("plain sentences whose answer differs under a double negation", "lower"),
        "dialogue_contradictions": ("dialogues in which the same claim is judged differently across turns", "lower"),
        "dialogue_errors": ("turns of dialogues with a verdict that are judged wrongly", "lower"),
        "dialogue_changes_missed": ("dialogues whose speaker has second thoughts, which the answer misses", "lower"),
    },
    "overconfidence": {
        "confident_errors": ("test rows answered wrongly with a confidence above 0.9", "lower"),
        "calibration_error": ("expected calibration error on the test rows, debiased", "lower"),
        "nonsense_confidence_gap": ("mean confidence on nonsense less the 0.5 that is possible there", "lower"),
        "no_sentiment_confidence_gap": ("mean confidence on text without a verdict less 0.5", "lower"),
        "answered_share": ("test rows answered from the confidence up that leaves 5% errors on validation", "higher"),
        "answered_error": ("errors among the test rows answered from that confidence up", "lower"),
    },
    "out_of_domain": {
        "auroc_confidence": ("AUROC of low confidence, text on other things against test rows", "higher"),
        "auroc_energy": ("AUROC of the energy of the logits, text on other things against test rows", "higher"),
        "auroc_distance": ("AUROC of the distance from training sentences, other things against test rows", "higher"),
        "nonsense_auroc_confidence": ("AUROC of low confidence, nonsense against test rows", "higher"),
        "nonsense_auroc_energy": ("AUROC of the energy of the logits, nonsense against test rows", "higher"),
        "nonsense_auroc_distance": ("AUROC of the distance from training texts, nonsense against test rows", "higher"),
        "other_text_flagged": ("text on other things that is said to look unlike the training data", "higher"),
        "in_domain_flagged": ("test rows that are said to look unlike the training data", "lower"),
        "imdb_accuracy": ("accuracy on reviews of IMDB, for a model that was not trained on them", "higher"),
        "reviews_accuracy": ("accuracy on Rotten Tomatoes sentences, for a model of IMDB", "higher"),
    },
    "fairness": {
        "group_swap_changes": ("plain sentences whose answer a swap of a term changes (goal: under 10%)", "lower"),
        "neutral_group_swap_changes": ("the same, of sentences that praise or blame nothing", "lower"),
        "group_swap_flips": ("single swaps of a protected term that turn the class", "lower"),
        "largest_group_gap": ("largest gap between the mean probabilities of two groups of a kind", "lower"),
    },
    "wording": {
        "not_negative_read_negative": ("'not' before a negative word read as negative (goal: under 15%)", "lower"),
        "not_positive_wrong": ("'not' before a positive word that is not read as negative", "lower"),
        "used_to_but_now_wrong": ("'used to …, but now …' answered wrongly (goal: under 15%)", "lower"),
        "own_opinion_wrong": ("the author's opinion against others' answered wrongly (goal: under 20%)", "lower"),
        "blame_added_raises": ("an added negative phrase raises the score (goal: at most 10%)", "lower"),
        "name_changes": ("another name changes the answer (goal: under 3%)", "lower"),
        "place_changes": ("another city or country changes the answer (goal: under 3%)", "lower"),
        "typo_changes": ("a slip of the keyboard changes the answer (goal: under 3%)", "lower"),
        "url_changes": ("an added link changes the answer (goal: under 3%)", "lower"),
        "harmless_edit_flips": ("test rows whose class one harmless edit, drawn at random, turns", "lower"),
    },
}  # fmt: skip
"""{risk: {figure: (what it is, which way is better)}}; shares are of what the meaning names first."""
FIGURES = {name: about for figures in FIGURES_OF.values() for name, about in figures.items()}

RISKS = tuple(FIGURES_OF)


def risk_of(figure: str) -> str:
    """The risk that brings a figure."""
    return next(risk for risk, figures in FIGURES_OF.items() if figure in figures)

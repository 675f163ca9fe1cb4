"""The first lines of a card, for whoever reads no more: what it is, how good, what it must not be used for."""

from eval.cards.facts import Facts
from eval.diagnosis.incident import NO_INCIDENT
from eval.diagnosis.words import named, since
from eval.markup import escape, estimate, percent
from eval.parts import counted, load_part
from eval.report import summarise

FAILS = 2
"""Weaknesses among the first lines."""
FAULTS_OF_THE_MODEL = ("metrics", "calibration", "errors", "probes", "bias", "wording")
TUNED = {"full": "all parameters trained", "lora": "trained with LoRA, merged", "frozen": "only its head trained"}


def what_it_is(facts: Facts) -> str:
    """The task, the network and the texts, in a sentence or two."""
    source = facts.source
    texts = f"{source.texts} ({source.title})" if source else f"its owner's texts “{escape(facts.corpus)}”"
    size = f", {_size(facts.parameters)} parameters" if facts.parameters else ""
    if facts.is_reference:
        network = f"The network is the reference network `{facts.model}`{size}, trained from random weights."
    else:
        name = f"[{escape(facts.base)}](https://huggingface.co/{facts.base})" if facts.base else "a model from a folder"
        network = f"It is {name}{size}, fine-tuned: {TUNED[facts.tuning]}."
    if facts.is_language_model:
        return f"Writes text on, token by token: a causal language model of {texts}. {network}"
    two = ["NEGATIVE", "POSITIVE"]
    task = "negative from positive" if facts.labels in ([], two) else escape(" from ".join(facts.labels))
    return f"Tells {task} texts: a classifier trained on {texts}. {network}"


def first_lines(facts: Facts) -> list[tuple[str, str]]:
    """Short answers to what everybody asks, (question, answer in Markdown)."""
    answers = [("How good", _how_good(facts))]
    if shown := {name: data for name, data in facts.parts.items() if name in FAULTS_OF_THE_MODEL}:
        remarks = summarise(shown).remarks
        answers.append(("Good at", ". ".join(escape(text) for text in remarks.get("good", [])[:1])))
        answers.append(("Fails at", ". ".join(escape(text) for text in remarks.get("bad", [])[:FAILS])))
    if facts.findings and facts.verdict not in NO_INCIDENT:
        first = facts.findings[0]
        answers.append(("Went wrong in training", f"{escape(named(first.name) + since(first))}; see Incidents"))
    answers.append(("Not for", _not_for(facts)))
    return [(asked, f"{answer.rstrip('.')}.") for asked, answer in answers if answer]


def limits(facts: Facts) -> list[str]:
    """What it is meant for, and what a user must know before using it."""
    texts = f"English {facts.source.texts}" if facts.source else f"the texts “{escape(facts.corpus)}”"
    if facts.is_language_model:
        return [
            f"Meant for experiments with language models: its training texts were {texts}.",
            "It repeats the manner of its training texts, what is false or offensive in them too, and knows no facts.",
            "Perplexity depends on the tokenizer: compare it only with models that use the same one.",
        ]
    found = [
        f"Meant for telling the class of texts like those it was trained on: {texts}.",
        "It knows two classes: a neutral or mixed text gets one of them all the same.",
        "It was judged on texts like those it was trained on; on others both its answers and its probabilities are "
        "untested. Judge it on your own texts first.",
    ]
    if length := facts.settings.get("max_length"):
        cut = facts.parts.get("metrics", {}).get("truncated", {}).get("test")
        share = "" if cut is None else f"; {counted(cut, 'test row') if cut else 'no test row'} had more"
        found.append(f"It was trained on the first {length:,} tokens of a text{share}.")
    found.append("Its answers move with the wording, and may with who a text is about: let no answer alone decide.")
    return found


def _size(parameters: int) -> str:
    return f"{parameters / 1e6:.1f}M" if parameters >= 1e6 else f"{parameters:,}"


def _how_good(facts: Facts) -> str:
    flatters = "; **the figures flatter, as rows judged on were trained on**" if _flatters(facts) else ""
    if "metrics" in facts.parts:
        remark = load_part("metrics").remarks(facts.parts["metrics"])[0]
        interval = " (95% interval)" if "[" in remark.text else ""
        return f"**{escape(remark.text)}**{interval}{flatters}"
    test = facts.figures["test"]
    for name, write in (("accuracy", percent), ("perplexity", lambda figure: estimate(figure, 1))):
        if figure := test.get(name):
            right = "right on {} of {}" if name == "accuracy" else "perplexity {} on {}"
            said = right.format(write(figure), counted(figure["n"], "test row"))
            return f"**{said[:1].upper()}{said[1:]}** (95% interval){flatters}"
    return "not measured"


def _flatters(facts: Facts) -> bool:
    found = facts.metrics["overlap"] or {}
    # A few stray duplicates are in every corpus.
    return bool((facts.about or {}).get("overlap")) or found.get("share", 0) > 0.005


def _not_for(facts: Facts) -> str:
    if facts.is_language_model:
        return "facts, advice, or anything that is shown to people unread"
    texts = facts.source.texts if facts.source else f"“{escape(facts.corpus)}”"
    languages = "other languages than English" if facts.source else "languages it was not trained on"
    return f"decisions about people; neutral or mixed texts; {languages}; texts unlike {texts}, until tested on them"

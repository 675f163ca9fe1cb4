"""What a study found: verdicts, effects, guards, interactions and its runs; a study under way refreshes."""

import time
from collections.abc import Sequence

import gradio as gr

from cli.errors import UserError
from space.batch import write_csv
from space.documents import framed, markdown_to_html
from space.friendly import friendly_errors
from space.run_choice import PUT_IN_ADDRESS, filled, run_list
from space.studies import (
    FINISHED,
    RUNNING,
    RunTable,
    Studies,
    Study,
    metric_of,
    number,
    read_effects,
    read_table,
    stamp_of,
)
from space.tabs import Tab
from space.texts import text_html

TITLE = "Studies"
REFRESH = 5.0
"""Seconds between two looks at a study that is under way."""
MOST_ROWS = 1000
"""Rows in the table of runs."""
WIDEST = 280
"""Pixels of a column of that table."""
MOST_PAIRS = 3
"""Interactions that are drawn."""
SEARCH = "search"
"""The design whose effects.json has another shape: its report is shown instead."""
MARKS = {"triangle-up": "▲", "triangle-down": "▼", "square": "■", "circle-open": "○"}

NO_STUDY = "No study yet: <code>python train/study.py train/configs/studies/ablation.yaml</code> makes one."
TELL_TAB = "(name, seen, tab) => [name, seen, new URL(location).searchParams.get('tab')]"
DOWNLOAD = """(name, csv) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], {type: "text/csv;charset=utf-8"}));
  link.download = `${name}-runs.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return [];
}"""
OUT_OF_SHAPE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def build(clinic) -> Tab:
    """Lay out the tab."""
    study = run_list("Study")
    summary = gr.HTML()
    effects = gr.Plot(label="Effects with their intervals", show_label=False, visible=False)
    guards = gr.HTML(visible=False)
    guards_plot = gr.Plot(label="Losses with their intervals, against what is allowed", show_label=False, visible=False)
    with gr.Row(elem_classes="charts"):
        pairs = [
            gr.Plot(label="Interaction of two factors", show_label=False, visible=False) for _ in range(MOST_PAIRS)
        ]
        half_normal = gr.Plot(label="Half-normal plot", show_label=False, visible=False)
    table = gr.Dataframe(
        label="Runs: ⋮ beside a column's name sorts",
        wrap=True,
        interactive=False,
        max_height=500,
        elem_classes="answers",
        visible=False,
    )
    download = gr.Button("Download runs.csv", visible=False)
    saved = gr.Textbox(visible=False)
    with gr.Accordion("Analysis of variance", open=False, visible=False) as anova:
        anova_text = gr.HTML()
    with gr.Accordion("The whole report", open=False, visible=False) as report:
        report_page = gr.HTML()
    seen = gr.State(None)
    tab = gr.Textbox(visible=False)
    timer = gr.Timer(REFRESH, active=False)
    findings = [effects, guards, guards_plot, *pairs, half_normal, anova, anova_text]
    shown = [seen, timer, summary, *findings, table, download, report, report_page]
    studies = Studies(clinic.studies)

    def show(name: str | None) -> list:
        if not name:
            return [None, gr.Timer(active=False), f"<p>{NO_STUDY}</p>", *_findings(None), *_runs(None), *_report(None)]
        try:
            chosen = studies.study(name)
            stamp = stamp_of(chosen, time.time())
            return [[name, *stamp], gr.Timer(active=stamp[0] == RUNNING), *_content(chosen, stamp[0])]
        except (UserError, OSError) as error:
            told = f"<p>{text_html(str(error))}</p>"
            return [None, gr.Timer(active=False), told, *_findings(None), *_runs(None), *_report(None)]

    def load(name: str | None) -> list:
        choice, name = filled(studies.names(), name)
        return [choice, *show(name)]

    def refresh(name: str | None, seen: list | None, tab: str | None) -> list:
        if tab != "studies" or not name:
            return [gr.skip(), gr.Timer(active=False), *[gr.skip()] * (len(shown) - 2)]
        try:
            if seen == [name, *stamp_of(studies.study(name), time.time())]:
                return [gr.skip()] * len(shown)
        except UserError:
            # It was deleted: show() says so.
            pass
        return show(name)

    def export(name: str | None) -> str:
        with friendly_errors():
            return runs_csv(read_table(studies.study(name or "").runs))

    private = {"api_visibility": "private", "show_progress": "hidden"}
    study.input(show, study, shown, js=PUT_IN_ADDRESS % "study", **private)
    timer.tick(refresh, [study, seen, tab], shown, js=TELL_TAB, **private)
    download.click(export, study, saved, **private).success(None, [study, saved], None, js=DOWNLOAD, **private)
    return Tab(fields={"study": study}, load=load, inputs=[study], outputs=[study, *shown])


def runs_csv(table: RunTable) -> str:
    """The table as CSV that a spreadsheet can open safely: a number stays one, with its sign."""
    rows = [
        [number(cell) if cell.startswith(("+", "-")) and number(cell) is not None else cell for cell in row.values()]
        for row in table.rows
    ]
    return write_csv(table.columns, rows)


def verdict_table(data: dict) -> str:
    """One verdict a level, in words, with its effect."""
    from eval.study_sections import in_unit, verdict_text
    from space.study_charts import LOOKS

    unit = _unit(data)
    rows = []
    for effect in data["effects"]:
        _, colour, symbol = LOOKS[effect["verdict"]]
        rows.append(
            f"<tr><td><strong>{text_html(effect['factor'])}</strong> {text_html(effect['level'])}<br>"
            f"<small>against {text_html(effect['baseline'])}</small></td>"
            f'<td><span aria-hidden="true" style="color: {colour}">{MARKS[symbol]}</span> '
            f"{text_html(verdict_text(effect, unit))}<br>"
            f"<small>{unit.interval(effect['estimate'])}</small></td></tr>"
        )
    head = f"<tr><th>Level</th><th>Verdict, effect [95%]{in_unit(unit)}</th></tr>"
    body = f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="wide"><table class="plain study">{body}</table></div>'


def guard_table(guards: list[dict]) -> str:
    """One verdict a guard, in words, with what may be lost and the difference."""
    from eval.study_sections import allowance, guard_unit, guard_verdict
    from space.study_charts import GUARD_LOOKS

    rows = []
    for guard in guards:
        colour, symbol = GUARD_LOOKS[guard["verdict"]]
        unit = guard_unit(guard["figure"], guard["margin"])
        rows.append(
            f"<tr><td><strong>{text_html(guard['factor'])}</strong> {text_html(guard['level'])}<br>"
            f"<small>{text_html(allowance(guard['figure'], guard['margin']))}</small></td>"
            f'<td><span aria-hidden="true" style="color: {colour}">{MARKS[symbol]}</span> '
            f"{text_html(guard_verdict(guard))}<br>"
            f"<small>{unit.interval(guard['estimate'])} {unit.name}</small></td></tr>"
        )
    head = "<tr><th>Guard</th><th>Verdict, difference [95%]</th></tr>"
    body = f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody>"
    return f'<h4>Guards</h4><div class="wide"><table class="plain guards">{body}</table></div>'


def _content(study: Study, state: str) -> list:
    """Every output from the summary on; what cannot be read is one line of it, and the rest is shown."""
    table, data, lines = None, None, []
    try:
        if study.runs.is_file():
            table = read_table(study.runs)
    except UserError as error:
        lines.append(text_html(str(error)))
    found = _findings(None)
    told = ""
    try:
        data = read_effects(study)
        if data and data["design"] != SEARCH:
            told, found = _judgement(data), _findings(data)
    except UserError as error:
        lines.append(text_html(str(error)))
    except OUT_OF_SHAPE:
        data = None
        lines.append("effects.json of this study is out of shape: run the study's command again.")
    first = _state(study, table, state, judged=bool(told))
    summary = "".join(f"<p>{line}</p>" for line in [first, *lines] if line) + told
    metric = table and (data["metric"] if told else metric_of(study, table))
    return [summary, *found, *_runs(table, metric), *_report(study, opened=not (told and data["effects"]))]


def _state(study: Study, table: RunTable | None, state: str, *, judged: bool) -> str:
    """How far the study is."""
    words = {FINISHED: "is finished", RUNNING: "is running", "not finished": "is not finished"}[state]
    told = f"<strong>{text_html(study.name)}</strong> {words}: {_counts(table)}."
    if state == RUNNING:
        told += " This page follows it."
        told += " The verdicts are those of its earlier runs." if judged else ""
    elif state != FINISHED:
        told += " Its command, run again, goes on with it."
    if table is not None and len(table.rows) > MOST_ROWS:
        told += f" The table shows the first {MOST_ROWS:,} runs."
    return told


def _counts(table: RunTable | None) -> str:
    if table is None or not table.rows:
        return "no run to show yet"
    statuses = [row["status"] for row in table.rows]
    total = f"{len(statuses):,} {'run' if len(statuses) == 1 else 'runs'}"
    others = [f"{statuses.count(status):,} {text_html(status)}" for status in dict.fromkeys(statuses)]
    return f"{total}, all complete" if set(statuses) == {"complete"} else f"{total}, {', '.join(others)}"


def _unit(data: dict):
    from eval.units import unit_of

    return unit_of(data["metric"], data["resolution"]["detectable"] or data["margin"])


def _sections(data: dict) -> dict[str, tuple[str, str]]:
    # Pandas takes half a second to import.
    import pandas as pd

    from eval.study_sections import sections

    # The sections that are shown tell nothing of single runs.
    columns = ["cell", "seed", "status", data["metric"], *(factor["name"] for factor in data["factors"])]
    return sections(data, pd.DataFrame(columns=list(dict.fromkeys(columns))), _unit(data))


def _judgement(data: dict) -> str:
    """The first sentence, what the study could find, and the verdicts."""
    from eval.study_sections import about, headline

    facts = " · ".join(f"{key}: {text_html(str(value))}" for key, value in about(data).items())
    parts = [f'<p class="headline"><strong>{text_html(headline(data))}</strong></p>', f"<p><small>{facts}</small></p>"]
    if data["effects"]:
        heading, section = _sections(data)["detectable"]
        parts += [verdict_table(data), f"<h4>{heading}</h4>", markdown_to_html(section)]
    return "".join(parts)


def _findings(data: dict | None) -> list:
    """The charts and the analysis of variance, hidden where there are none."""
    hidden = gr.Plot(None, visible=False)
    if not data or not data["effects"]:
        no_guards = gr.HTML("", visible=False)
        return [hidden, no_guards, hidden, *[hidden] * MOST_PAIRS, hidden, gr.Accordion(visible=False), ""]
    # Plotly takes half a second to import.
    from space.study_charts import effect_chart, guard_chart, half_normal_chart, interaction_charts

    unit, guards = _unit(data), data.get("guards", [])
    pairs = [gr.Plot(figure, visible=True) for figure in interaction_charts(data, MOST_PAIRS)]
    half_normal = data["half_normal"] and half_normal_chart(data, unit)
    return [
        gr.Plot(effect_chart(data, unit), visible=True),
        gr.HTML(guard_table(guards) if guards else "", visible=bool(guards)),
        gr.Plot(guard_chart(guards) if guards else None, visible=bool(guards)),
        *pairs,
        *[hidden] * (MOST_PAIRS - len(pairs)),
        gr.Plot(half_normal or None, visible=bool(half_normal)),
        gr.Accordion(visible=True),
        markdown_to_html(_sections(data)["anova"][1]),
    ]


def _runs(table: RunTable | None, metric: str | None = None) -> list:
    """The table of runs, those that failed with their reason, and the button that saves it."""
    if table is None or not table.rows:
        return [gr.Dataframe(visible=False), gr.Button(visible=False)]
    names = [*table.factors, "seed", metric, "seconds", "status"]
    names = [name for name in dict.fromkeys(names) if name in table.columns]
    rows = table.rows[:MOST_ROWS]
    kinds = {name: "number" if _all_numbers(row[name] for row in rows) else "str" for name in names}
    value = {
        "headers": names,
        "data": [[_cell(row, name, kinds[name]) for name in names] for row in rows],
        "metadata": {
            "display_value": [[_words(row, name, metric) for name in names] for row in rows],
            "styling": [["" if row["status"] == "complete" else "opacity: .7"] * len(names) for row in rows],
        },
    }
    widths = [_width([name, *words]) for name, *words in zip(names, *value["metadata"]["display_value"], strict=True)]
    table = gr.Dataframe(value, datatype=list(kinds.values()), column_widths=widths, visible=True)
    return [table, gr.Button(visible=True)]


def _width(words: Sequence[str]) -> int:
    """Pixels of a column: of its longest word and what stands beside it."""
    return min(WIDEST, 9 * max(map(len, words)) + 40)


def _all_numbers(cells) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(number(cell) is not None for cell in filled)


def _cell(row: dict[str, str], name: str, kind: str) -> str | float | None:
    """What a column is sorted by."""
    return number(row[name]) if kind == "number" else _words(row, name, None)


def _words(row: dict[str, str], name: str, metric: str | None) -> str:
    """What stands in a cell."""
    text = row[name]
    if name == "status" and text != "complete":
        return f"✗ {text}: {row['reason']}" if row.get("reason") else f"✗ {text}"
    if name in (metric, "seconds") and number(text) is not None:
        return f"{number(text):.5g}"
    return text


def _report(study: Study | None, *, opened: bool = False) -> list:
    """The report as its command wrote it; open where nothing else tells what was found."""
    if study is None or not study.report.is_file():
        return [gr.Accordion(visible=False), ""]
    page = framed(study.report.read_text("utf-8", "replace"), f"Report of the study {study.name}")
    return [gr.Accordion(visible=True, open=opened), page]

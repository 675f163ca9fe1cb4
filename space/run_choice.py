"""The list from which a tab's run is chosen; the choice stands in the page's address."""

import gradio as gr

LONGEST = 24
"""Characters of a run's name where several stand side by side."""

PUT_IN_ADDRESS = """(value, ...rest) => {
  const url = new URL(location);
  url.searchParams.set("%s", value);
  history.replaceState(null, "", url);
  return [value, ...rest];
}"""


def elided(name: str) -> str:
    """The name of a run, a very long one without its middle."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[: half - 1]}…{name[-half:]}"


def run_list(label: str = "Run") -> gr.Dropdown:
    """An empty list of runs: it is filled when its tab is opened."""
    # An address may name a run before the list is there.
    return gr.Dropdown([], label=label, allow_custom_value=True, interactive=True, min_width=240, elem_classes="runs")


def filled(names: list[str], wanted: str | None, *, without: str | None = None) -> tuple[gr.Dropdown, str | None]:
    """The list with these names, and the one that is chosen: the wanted one, else the first that is not `without`."""
    chosen = wanted or next((name for name in names if name != without), None)
    return gr.Dropdown(names, value=chosen), chosen

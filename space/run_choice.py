"""The list from which a tab's run is chosen; the choice stands in the page's address."""

import gradio as gr

PUT_IN_ADDRESS = """(value, ...rest) => {
  const url = new URL(location);
  url.searchParams.set("%s", value);
  history.replaceState(null, "", url);
  return [value, ...rest];
}"""


def run_list(label: str = "Run") -> gr.Dropdown:
    """An empty list of runs: it is filled when its tab is opened."""
    # An address may name a run before the list is there.
    return gr.Dropdown([], label=label, allow_custom_value=True, interactive=True)


def filled(names: list[str], wanted: str | None, *, otherwise: int = 0) -> tuple[gr.Dropdown, str | None]:
    """The list with these names, and the one that is chosen: the wanted one, else the one at `otherwise`."""
    chosen = wanted or (names[otherwise] if otherwise < len(names) else None)
    return gr.Dropdown(names, value=chosen), chosen

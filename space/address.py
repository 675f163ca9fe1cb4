"""The address of the page, which holds the open tab and what was asked in it, so that a link brings it back.

Each tab keeps its own query in `window.queries` while another one is open.
"""

LONGEST = 2_000
"""Characters of a value that an address may hold; percent-encoded at most 18,000, of 64 KB that the server takes."""

READ_ADDRESS = "() => [Object.fromEntries(new URLSearchParams(location.search))]"
# Gradio opens the first tab before it opens the one in the address, which must not be lost over it.
ADDRESS_IS_OPEN = "() => { window.addressIsOpen = true; return []; }"

_OPEN_TAB = """() => {
  const url = new URL(location);
  const last = url.searchParams.get("tab") ?? "%(first)s";
  if (window.addressIsOpen && last !== "%(tab)s") {
    window.queries ??= {};
    window.queries[last] = url.search;
    url.search = window.queries["%(tab)s"] ?? "?tab=%(tab)s";
    history.replaceState(null, "", url);
  }
  return [];
}"""
_PUT_IN_ADDRESS = """(...values) => {
  const pairs = "%(keys)s".split(" ").map((key, place) => [key, values[place]]);
  const short = pairs.filter(([, value]) => value && value.length <= %(longest)d);
  const query = "?" + new URLSearchParams([["tab", "%(tab)s"], ...short]);
  const open = new URL(location).searchParams.get("tab");
  if (open === null || open === "%(tab)s") history.replaceState(null, "", query);
  else (window.queries ??= {})["%(tab)s"] = query;
  return [];
}"""


def open_tab(tab: str, first: str) -> str:
    """Script that gives the address the query of a tab which was opened, and remembers that of the last one.

    first: the tab that is open where the address names none.
    """
    return _OPEN_TAB % {"tab": tab, "first": first}


def put_in_address(tab: str, *keys: str) -> str:
    """Script that takes a value a key and writes them into the address; one that is too long is left out.

    An answer may come when another tab is open: then they wait until its own is again.
    """
    return _PUT_IN_ADDRESS % {"tab": tab, "keys": " ".join(keys), "longest": LONGEST}

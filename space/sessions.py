"""Requests of programs, which belong to no session of the page.

For each of them Gradio makes a session with the configuration of every component on the page, 10 to 20 ms for ours,
and those of its queue it keeps. Here they share one that remembers nothing.
"""

from copy import deepcopy

from gradio import route_utils
from gradio.state_holder import SessionState


class NoSession(SessionState):
    """The state of a request without a session: what it sets is forgotten."""

    def __getitem__(self, key: int):
        block = self.blocks_config.blocks[key]
        return deepcopy(getattr(block, "value", None)) if block.stateful else block

    def __setitem__(self, key: int, value) -> None:
        pass

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value) -> None:
        pass


def share_no_session(page) -> None:
    """Let the requests to a page that name no session share one; to be called once the page is built."""
    shared = NoSession(page)
    of_session = route_utils.restore_session_state

    def restore_session_state(app, body):
        # The queue takes the event's own id where a request names no session.
        if app.get_blocks() is not page or body.session_hash not in (None, body.event_id):
            return of_session(app, body)
        if body.event_id in app.iterators_to_reset:
            app.iterators_to_reset.remove(body.event_id)
            return shared, None
        return shared, app.iterators.get(body.event_id)

    route_utils.restore_session_state = restore_session_state

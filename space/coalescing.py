"""Questions that many clients ask at the same time, answered together."""

import asyncio
from collections.abc import Callable, Sequence

AT_ONCE = 16
SHORT = 3_000
"""Characters of all texts together up to which they are answered on the event loop itself, in some 30 ms: a thread of
its own would take turns with the loop, a switch for every operation of the network."""


class Coalescer:
    """Collects the texts that wait and answers up to 16 of them with one call; used from one event loop.

    An error reaches the one whose text made it, never its neighbours.
    """

    def __init__(self, answer: Callable[[list[str]], Sequence]):
        self._answer = answer
        self._waiting: list[tuple[str, asyncio.Future]] = []
        self._task: asyncio.Task | None = None

    async def ask(self, text: str):
        """The answer to one text."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((text, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            # Requests that have arrived already get their turn to be read, and join.
            await asyncio.sleep(0)
            together, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            texts = [text for text, _ in together]
            if sum(map(len, texts)) <= SHORT:
                answers = self._answers(texts)
            else:
                answers = await asyncio.to_thread(self._answers, texts)
            for (_, future), answer in zip(together, answers, strict=True):
                if future.done():  # its client has gone
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _answers(self, texts: list[str]) -> Sequence:
        """The answers to texts, or the exceptions instead."""
        try:
            return self._answer(texts)
        except Exception as error:
            if len(texts) == 1:
                return [error]
        return [self._answers([text])[0] for text in texts]

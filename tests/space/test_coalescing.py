import asyncio

import pytest

from space.coalescing import AT_ONCE, SHORT, Coalescer


def ask_together(answer, texts):
    async def ask():
        coalescer = Coalescer(answer)
        return await asyncio.gather(*(coalescer.ask(text) for text in texts), return_exceptions=True)

    return asyncio.run(ask())


@pytest.mark.parametrize("length", [1, SHORT])
def test_texts_that_come_together_are_answered_together_each_with_its_own(length):
    batches = []

    def answer(texts):
        batches.append(len(texts))
        return [text.upper() for text in texts]

    texts = [chr(ord("a") + number % 26) * length + str(number) for number in range(2 * AT_ONCE + 3)]
    assert ask_together(answer, texts) == [text.upper() for text in texts]
    assert batches == [AT_ONCE, AT_ONCE, 3]


def test_an_error_reaches_the_one_that_made_it():
    def answer(texts):
        if "bad" in texts:
            raise ValueError("bad text")
        return [len(text) for text in texts]

    one, two, three = ask_together(answer, ["a", "bad", "ccc"])
    assert (one, three) == (1, 3)
    assert isinstance(two, ValueError)


def test_one_that_leaves_does_not_stop_the_others():
    async def ask():
        coalescer = Coalescer(lambda texts: texts)
        leaves, stays = (asyncio.create_task(coalescer.ask(text)) for text in "ab")
        await asyncio.sleep(0)
        leaves.cancel()
        return await stays, await coalescer.ask("c")

    assert asyncio.run(ask()) == ("b", "c")

"""Stages of a pipeline that overlap: each in its own thread, with a short queue to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from visavox.runtime.channel import Channel, ChannelAbandoned

Item = TypeVar("Item")


class Background(Generic[Item]):
    """Runs an iterable in a thread, a few items ahead of whoever iterates over this.

    Use it in a `with` block: leaving it stops the thread. An error of the iterable is raised where the item was
    awaited.
    """

    def __init__(self, items: Iterable[Item], ahead: int, name: str) -> None:
        self._items = items
        self._channel: Channel[Item] = Channel(ahead)
        self._thread = threading.Thread(target=self._run, name=f"visavox-{name}", daemon=True)

    def __enter__(self) -> Background[Item]:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._channel.abandon()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        while True:
            try:
                item = self._channel.get()
            except StopIteration:
                return
            yield item

    def _run(self) -> None:
        iterator = iter(self._items)
        try:
            for item in iterator:
                self._channel.put(item)
            self._channel.finish()
        except ChannelAbandoned:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()  # in this thread, where the generator ran: it may hold open files
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
            self._channel.fail(error)

"""Overlapping stages of a pipeline: each in its own thread, with a short queue to the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ChannelAbandoned(Exception):
    """The thread at the other end has given up; stop working."""


class Channel(Generic[Item]):
    """Bounded queue for one producer and one consumer.

    The producer ends it by `finish()` or `fail(error)`; either side may `abandon()` it, which wakes the other.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}, must be at least 1")
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> None:
        """Add `item`, waiting while the queue is full.

        Raises:
            ChannelAbandoned: nobody will take it.
            RuntimeError: `finish` or `fail` was called before.
        """
        with self._changed:
            if self._finished:
                raise RuntimeError("the queue is finished already")
            while len(self._items) >= self._capacity and not self._abandoned:
                self._changed.wait()
            if self._abandoned:
                raise ChannelAbandoned
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> Item:
        """Take the oldest item, waiting while the queue is empty.

        Raises:
            StopIteration: the producer has finished and nothing is left.
            ChannelAbandoned: the other side gave up.
            BaseException: whatever the producer failed with, after the items before the failure.
        """
        with self._changed:
            while not self._items and not (self._finished or self._abandoned):
                self._changed.wait()
            if self._abandoned:
                raise ChannelAbandoned
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            raise StopIteration

    def finish(self) -> None:
        """Say that no further item will come."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the queue with `error`, which the consumer gets after the remaining items."""
        with self._changed:
            self._error = error
            self._finished = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Give up: drop what is queued and wake both sides."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()


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

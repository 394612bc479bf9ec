"""The errors that visavox raises on purpose.

Every message is one sentence or two: what was given, what is allowed, what to do about it. The command
line prints the message alone and exits with the code of the class.
"""


class VisavoxError(Exception):
    """Base of every error that visavox raises on purpose."""

    exit_code = 1


class InputError(VisavoxError):
    """An input that cannot be used: a file, an option, a checkpoint, a full disk."""

    exit_code = 2


class Cancelled(VisavoxError):
    """The job was stopped by whoever ran it: nothing is left half-written.

    What can be gone on with, such as a training, says how.
    """

    exit_code = 130

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class TrainingError(VisavoxError):
    """A training run cannot go on: the losses are no longer numbers, or a loss has no weight."""

"""Why something was not counted: the values of the label `reason`, all created at 0."""

from enum import StrEnum


class Dropped(StrEnum):
    """Why an event was not counted at all."""

    QUEUE_FULL = "QueueFull"
    BODY_INCOMPLETE = "BodyIncomplete"
    """It did not come in time, or the connection broke within it."""
    BAD_HTTP = "BadHTTP"
    """Not HTTP, or headers beyond all bounds."""
    TOO_LARGE = "TooLarge"
    """In structured mode, where an event that is not opened does not tell whose it is."""
    NOT_AN_EVENT = "NotAnEvent"
    """Not a CloudEvent, or without the attributes that KServe's agent sets."""
    UNKNOWN_TYPE = "UnknownType"
    TOO_MANY_REVISIONS = "TooManyRevisions"
    FAULT = "Fault"
    """An error of the collector itself; the log has it."""


class Uncounted(StrEnum):
    """Why an event's request or response was counted, but not the values of its payload."""

    DROPPED = "Dropped"
    """The event was dropped before it was opened."""
    NO_BASELINE = "NoBaseline"
    NOT_INFERENCE = "NotInference"
    """No prediction: the agent logs every request, those for a model's metadata too."""
    MALFORMED = "Malformed"
    """Not the JSON, the compression or the tensors that it says it is."""
    MISMATCH = "Mismatch"
    """Well-formed, but its columns are not those of the baseline."""
    UNSUPPORTED = "Unsupported"
    """A compression or a datatype that cannot be read."""
    TOO_LARGE = "TooLarge"
    """More bytes, before or after inflating, than are looked at."""
    TOO_MANY_VALUES = "TooManyValues"


class Outcome(StrEnum):
    """What became of an event: each that was received has exactly one."""

    COUNTED = "Counted"
    WITHOUT_VALUES = "WithoutValues"
    """The request or response was counted, but not the values of its payload."""
    EVALUATION = "Evaluation"
    DUPLICATE = "Duplicate"
    DROPPED = "Dropped"


class DroppedError(Exception):
    """An event cannot be counted."""

    def __init__(self, reason: Dropped) -> None:
        super().__init__(reason)
        self.reason = reason


class PayloadError(Exception):
    """A payload's values cannot be counted."""

    def __init__(self, reason: Uncounted) -> None:
        super().__init__(reason)
        self.reason = reason

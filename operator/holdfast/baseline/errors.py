"""What can be wrong with what a baseline is asked to be made from."""


class BaselineError(Exception):
    """No baseline can be made; the message is for the user.

    Attributes:
        advice: What to do about it.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class WrongRequestError(BaselineError):
    """What was asked for does not fit the files or itself: a column that is not there, say."""


class WrongDataError(BaselineError):
    """A file cannot be read, or what is in it cannot be counted."""

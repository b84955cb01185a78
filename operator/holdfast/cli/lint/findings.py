"""What lint finds, and how it is told."""

from dataclasses import asdict, dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Where in an object: field names and indexes of lists."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in an object. It never repeats a value, which may be a secret."""

    path: Path
    message: str


@dataclass(frozen=True, order=True)
class Finding:
    """A problem, where somebody can go and mend it."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return f"{place}{self.field}: {self.message}" if self.field else place + self.message

    def to_json(self) -> dict[str, Any]:
        """As `-o json` tells it."""
        return asdict(self)


def format_path(path: Path) -> str:
    """As the API server writes it: `spec.template.model.trainingData[0].name`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not part.replace("-", "").isalnum():
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text

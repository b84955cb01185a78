"""Where a ModelDeployment stands, in one word, one sentence and one exit status."""

from dataclasses import dataclass
from enum import StrEnum

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.cli.exits import Exit
from holdfast.domain.kubeobject import KubeObject, condition_of


class Word(StrEnum):
    """Where it stands."""

    SERVING = "Serving"
    PROGRESSING = "Progressing"
    WAITING = "Waiting"
    STALLED = "Stalled"


EXITS = {
    Word.SERVING: Exit.OK,
    Word.PROGRESSING: Exit.PROGRESSING,
    Word.WAITING: Exit.PROGRESSING,
    Word.STALLED: Exit.STALLED,
}


@dataclass(frozen=True)
class Standing:
    """Where it stands, and why."""

    word: Word
    message: str

    @property
    def code(self) -> Exit:
        """What a script is told."""
        return EXITS[self.word]

    @property
    def is_settled(self) -> bool:
        """Whether nothing will change without somebody's doing."""
        return self.word is not Word.PROGRESSING


def compute_standing(deployment: KubeObject) -> Standing:
    """Read it off generation and conditions: what is wanted is active, and answers."""
    generation = deployment["metadata"].get("generation", 0)
    observed = (deployment.get("status") or {}).get("observedGeneration", 0)
    if observed < generation:
        message = (
            "the operator has not looked at it yet"
            if not observed
            else f"the operator has not looked at the latest edit yet (generation {generation})"
        )
        return Standing(Word.PROGRESSING, message)
    promoted, ready = condition_of(deployment, PROMOTED), condition_of(deployment, READY)
    stalled = condition_of(deployment, STALLED)
    if stalled.get("status") == "True":
        return Standing(Word.STALLED, stalled["message"])
    if promoted.get("status") == "True" and ready.get("status") == "True":
        return Standing(Word.SERVING, promoted["message"])
    cause = promoted if promoted.get("status") != "True" else ready
    message = cause.get("message", "the operator has said nothing yet")
    reconciling = condition_of(deployment, RECONCILING).get("status") == "True"
    return Standing(Word.PROGRESSING if reconciling else Word.WAITING, message)

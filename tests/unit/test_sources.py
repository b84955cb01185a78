"""Where baselines came from is looked at, and not more often than is worth a warning."""

from datetime import timedelta
from typing import Any, cast

from holdfast.clients.errors import Forbidden
from holdfast.clients.kube import Kube
from holdfast.domain.baseline import ConfigMapKey
from holdfast.sources import Sources
from tests.unit.domain.baselines import NAME, config_map, digest_of, document
from tests.unit.domain.shown import START

WHERE = ConfigMapKey(NAME, "baseline.json")


class Api:
    """An API server with one ConfigMap, or with a fault."""

    def __init__(self) -> None:
        self.found: dict[str, Any] | None = config_map()
        self.fault: Exception | None = None
        self.reads = 0

    async def get(self, *_: Any) -> dict[str, Any] | None:
        self.reads += 1
        if self.fault:
            raise self.fault
        return self.found


async def test_what_was_seen_is_believed_for_a_while() -> None:
    api = Api()
    sources = Sources(cast("Kube", api), 60)
    assert await sources.identify("ml", WHERE, START) == digest_of(document())
    api.found = config_map(document(11))
    assert await sources.identify("ml", WHERE, START + timedelta(1)) == digest_of(document(11))
    api.found, later = None, START + timedelta(100)
    for seconds in (0, 30, 59):
        assert await sources.identify("ml", WHERE, later + timedelta(seconds=seconds)) is None
    assert api.reads == 3
    assert await sources.identify("other", WHERE, later) is None
    assert api.reads == 4


async def test_what_was_seen_long_ago_is_forgotten() -> None:
    sources = Sources(cast("Kube", Api()), 60)
    for day in range(100):
        await sources.identify("ml", ConfigMapKey(f"{NAME}-{day}", "b"), START + timedelta(day))
    assert len(sources._known) == 1


async def test_what_cannot_be_read_is_unknown_and_asked_again() -> None:
    api = Api()
    api.fault = Forbidden(403, "Forbidden", "no")
    sources = Sources(cast("Kube", api), 60)
    assert await sources.identify("ml", WHERE, START) is None
    api.fault = None
    assert await sources.identify("ml", WHERE, START) == digest_of(document())

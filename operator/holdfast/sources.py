"""What is now in the ConfigMaps that baselines came from: looked at seldom, for a warning only.

They are not watched. That would be a watch of all ConfigMaps of the cluster.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from holdfast.clients.kube import ApiError, Kube
from holdfast.clients.resources import CONFIG_MAP
from holdfast.domain.baseline import ConfigMapKey, identify


class Sources:
    """Reads ConfigMaps, and remembers for a while what was in them.

    Args:
        kube: Where to read.
        seconds: For how long.
    """

    def __init__(self, kube: Kube, seconds: float) -> None:
        self._kube = kube
        self._lasts = timedelta(seconds=seconds)
        # The oldest come first, and go first.
        self._known: OrderedDict[tuple[str, ConfigMapKey], tuple[datetime, str | None]] = (
            OrderedDict()
        )

    async def identify(self, namespace: str, where: ConfigMapKey, now: datetime) -> str | None:
        """Return the digest of the document there; None if there is none, or it cannot be read."""
        while self._known and next(iter(self._known.values()))[0] <= now:
            self._known.popitem(last=False)
        if known := self._known.get((namespace, where)):
            return known[1]
        try:
            config_map = await self._kube.get(CONFIG_MAP, namespace, where.name)
        except ApiError:
            return None  # nothing depends on it: the next pass asks again
        found = identify(config_map, where)
        self._known[namespace, where] = (now + self._lasts, found)
        self._known.move_to_end((namespace, where))
        return found

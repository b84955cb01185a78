"""The engines that a request can ask for."""

from importlib.util import find_spec

from holdfast.drift.evidence import Native, Weigher
from holdfast.drift_protocol import Engine


class EngineNotInstalledError(Exception):
    """What the engine needs is not there; says what to install."""


def find_engine(engine: Engine) -> Weigher:
    """The engine of that name.

    Raises:
        EngineNotInstalledError: it is an extra that is not installed.
    """
    if engine is Engine.NATIVE:
        return Native()
    if find_spec("alibi_detect") is None:
        raise EngineNotInstalledError(
            "The engine Alibi is not installed beside the operator: install holdfast[alibi], or "
            "set spec.drift.engine to Native."
        )
    from holdfast.drift.alibi import Alibi  # takes 5 s and 270 MiB

    return Alibi()

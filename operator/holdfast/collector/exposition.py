"""Renders the counters of all revisions in Prometheus' text format.

A revision has thousands of series, whose labels never change: they are written once, and a
scrape only puts numbers behind them. prometheus_client's own series cost 9 µs each at a
scrape, in which nothing is received; these cost 0.3.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.utils import floatToGoString

from holdfast.collector import families
from holdfast.collector.counts import CategoryCounts, NumericCounts
from holdfast.collector.families import Family
from holdfast.collector.revisions import LATENCY_EDGES, Revision, RevisionKey, Revisions

_INFINITY: Final = "+Inf"


class Exposition:
    """Writes what `Revisions` hold."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions
        self._names: dict[RevisionKey, _Names] = {}

    def render(self) -> bytes:
        """Return all series of all revisions."""
        known, self._names = self._names, {}
        pages: list[list[list[str]]] = []
        for revision in self._revisions:
            names = known.get(revision.key)
            if names is None or not names.fit(revision):
                names = _Names(revision)
            self._names[revision.key] = names
            pages.append(
                [
                    [f"{name} {value}\n" for name, value in zip(*series, strict=True)]
                    for series in zip(names.by_family, _list_values(revision), strict=True)
                ]
            )
        text: list[str] = []
        for number, family in enumerate(families.BY_REVISION):
            text.append(render_header(family))
            for page in pages:
                text.extend(page[number])
        return "".join(text).encode()


def render_header(family: Family) -> str:
    """The lines above a metric's series."""
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"


def render_samples(samples: Iterable[tuple[Family, dict[str, str], float]]) -> bytes:
    """Return single samples; those of one metric must follow each other."""
    text = []
    before = None
    for family, labels, value in samples:
        if family is not before:
            text.append(render_header(family))
            before = family
        text.append(f"{_render_name(family.name, labels)} {value}\n")
    return "".join(text).encode()


class _Names:
    """The names of a revision's series with their labels, family by family."""

    def __init__(self, revision: Revision) -> None:
        self._made_for = revision, revision.deployment, revision.layout
        self._labels = {
            "namespace": revision.key.namespace,
            "modeldeployment": revision.deployment,
            "revision": revision.key.name,
        }
        columns = revision.columns
        numeric = [each.column for each in columns if isinstance(each, NumericCounts)]
        categorical = [each for each in columns if isinstance(each, CategoryCounts)]
        seconds = families.REQUEST_SECONDS
        self.by_family: list[list[str]] = [
            [self._name(families.REQUESTS)],
            [self._name(families.RESPONSES)],
            [self._name(families.MISSING_RESPONSES)],
            [*self._bins(seconds, LATENCY_EDGES), self._name(seconds, "_sum")],
            [
                name
                for column in numeric
                for name in self._bins(families.FEATURE_VALUE, column.edges, feature=column.name)
            ],
            [
                self._name(
                    families.FEATURE_CATEGORIES, feature=counts.column.name, category=category
                )
                for counts in categorical
                for category in counts.labels
            ],
            [self._name(families.FEATURE_MISSING, feature=each.column.name) for each in columns],
            [self._name(families.UNKNOWN_COLUMNS)],
            [
                self._name(families.UNCOUNTED_PAYLOADS, reason=reason)
                for reason in revision.uncounted
            ],
            [
                self._name(families.EVALUATION_EVENTS, type="request"),
                self._name(families.EVALUATION_EVENTS, type="response"),
            ],
            [self._name(families.BASELINE_INFO, digest=revision.digest)] if revision.layout else [],
        ]

    def fit(self, revision: Revision) -> bool:
        """Whether they are still the names of this revision's series."""
        made_for, deployment, layout = self._made_for
        return (
            made_for is revision
            and deployment == revision.deployment
            and (layout is revision.layout)
        )

    def _name(self, family: Family, suffix: str = "", **labels: str) -> str:
        return _render_name(f"{family.name}{suffix}", self._labels | labels)

    def _bins(self, family: Family, edges: Iterable[float], **labels: str) -> list[str]:
        bounds = [*map(floatToGoString, edges), _INFINITY]
        names = [self._name(family, "_bucket", **labels, le=bound) for bound in bounds]
        return [*names, self._name(family, "_count", **labels)]


def _list_values(revision: Revision) -> Iterator[list[int] | list[float]]:
    """The values of a revision's series, in the order of their names."""
    columns = revision.columns
    yield [revision.requests]
    yield [revision.responses]
    yield [revision.missing_responses]
    yield [*_accumulate(revision.latency.bins), revision.latency.total]
    yield [
        count
        for each in columns
        if isinstance(each, NumericCounts)
        for count in _accumulate(each.bins)
    ]
    yield [count for each in columns if isinstance(each, CategoryCounts) for count in each.counts]
    yield [each.missing for each in columns]
    yield [revision.unknown_columns]
    yield [*revision.uncounted.values()]
    yield [revision.evaluation_requests, revision.evaluation_responses]
    yield [1] if revision.layout else []


def _accumulate(bins: list[int]) -> list[int]:
    buckets = list(accumulate(bins))
    return [*buckets, buckets[-1]]


def _render_name(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    written = ",".join(f'{label}="{_escape(value)}"' for label, value in labels.items())
    return f"{name}{{{written}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

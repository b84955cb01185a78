"""From files to a baseline: look at every row once to choose bins, and once more to count."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from holdfast.baseline.categories import choose_categories
from holdfast.baseline.counting import BinCounter, CategoryCounter, Counter
from holdfast.baseline.document import (
    MAX_BINS,
    MAX_BYTES,
    MAX_COLUMNS,
    Baseline,
    CategoricalColumn,
    Column,
    Source,
    SourceFile,
    print_baseline,
    sign,
)
from holdfast.baseline.edges import FEWEST_EDGES, choose_edges, compute_score_edges
from holdfast.baseline.errors import WrongDataError, WrongRequestError
from holdfast.baseline.files import Format, InputFile, compute_digest, find_files, inspect_file
from holdfast.baseline.findings import (
    Finding,
    find_empty,
    find_few_rows,
    find_mixed,
    find_overflow,
    find_uncountable,
    find_unfit,
    find_unnameable,
)
from holdfast.baseline.forms import Form, join_forms
from holdfast.baseline.profile import Profile
from holdfast.baseline.reading import Batch, TextSurvey, read_batches, read_texts
from holdfast.baseline.request import Request
from holdfast.baseline.sampling import RowSample

FEWEST_WHOLE_NUMBERS: Final = 20
"""A column of fewer different whole numbers is one of codes or small counts."""

Report = Callable[[str, int, int | None], None]
"""Hears of progress: what is done, how many rows of it, of how many if that is known."""


@dataclass(frozen=True)
class Result:
    """A baseline and what should be known about it."""

    baseline: Baseline
    findings: tuple[Finding, ...]


def make_baseline(
    paths: Sequence[str],
    request: Request,
    report: Report = lambda _stage, _rows, _of: None,
    *,
    batch_rows: int | None = None,
) -> Result:
    """Make the baseline of what is in the files together; the same files give the same one.

    Args:
        paths: Parquet and CSV files, or patterns.
        request: What to make of their columns.
        report: Is told of progress.
        batch_rows: So many rows at a time, which changes nothing but memory.

    Raises:
        WrongRequestError: the request does not fit the files.
        WrongDataError: the files cannot be read or do not fit together.
    """
    return _Assembly(request, report, batch_rows, _inspect(paths, request)).run()


def _inspect(paths: Sequence[str], request: Request) -> list[InputFile]:
    files = [inspect_file(path) for path in find_files(paths)]
    first = files[0]
    request.check(first.columns)
    ignored = {*request.exclude, *request.targets}
    for file in files[1:]:
        for one, other in ((first, file), (file, first)):
            absent = [name for name in one.columns if name not in {*other.columns, *ignored}]
            if absent:
                raise WrongDataError(
                    f"{other.name} has no column {absent[0]!r}, and {one.name} has",
                    f"Leave it out with --exclude {absent[0]!r}, or name files of one kind.",
                )
    return files


class _Assembly:
    def __init__(
        self, request: Request, report: Report, batch_rows: int | None, files: list[InputFile]
    ) -> None:
        self._request = request
        self._report = report
        self._batch_rows = batch_rows
        self._files = files
        self._findings: list[Finding] = []
        self._rows: dict[Path, int] = {
            file.path: file.rows for file in files if file.rows is not None
        }

    def run(self) -> Result:
        forms = self._choose_forms()
        profiles = self._profile(forms)
        counters = self._choose_counters(profiles)
        for batch in self._read("counting", {name: forms[name] for name in counters}):
            for name, counter in counters.items():
                counter.add(batch.column(name))
        columns = {name: counter.get_column() for name, counter in counters.items()}
        for name, column in columns.items():
            if isinstance(column, CategoricalColumn):
                self._find(find_overflow(profiles[name], len(column.categories), column.other))
        return Result(self._write(columns), tuple(self._findings))

    def _choose_forms(self) -> dict[str, Form]:
        """What the columns are counted as; without those that cannot be."""
        forms: dict[str, Form] = {}
        ignored = {*self._request.exclude, *self._request.targets}
        names = [name for name in self._files[0].columns if name not in ignored]
        for file in self._files:
            found = self._survey(file, names) if file.format is Format.CSV else file.columns
            for name in names:
                forms[name] = self._join(name, forms.get(name, Form.EMPTY), found[name], file)
        return dict(self._override(forms))

    def _join(self, name: str, one: Form, other: Form, file: InputFile) -> Form:
        joined = join_forms(one, other)
        if joined is not None:
            return joined
        if name in self._request.numeric:
            return Form.NUMBER
        if Form.TEXT in {one, other} and name in self._request.categorical:
            return Form.TEXT
        raise WrongDataError(
            f"{name!r} holds {one} in the first files and {other} in {file.name}",
            f"Say what it is with --numeric or --categorical {name!r}, or --exclude it.",
        )

    def _survey(self, file: InputFile, names: Iterable[str]) -> Mapping[str, Form]:
        survey = TextSurvey()
        for batch in read_texts(file, list(names), batch_rows=self._batch_rows):
            survey.add(batch)
            self._report(f"looking at {file.name}", survey.rows, None)
        self._rows[file.path] = survey.rows
        known = {*self._request.numeric, *self._request.categorical}
        for name, odd in survey.odd.items():
            if name not in known:
                self._findings.append(find_mixed(name, odd, file.name))
        return {**dict.fromkeys(names, Form.EMPTY), **survey.forms}

    def _override(self, forms: Mapping[str, Form]) -> Iterator[tuple[str, Form]]:
        for name, form in forms.items():
            finding = find_unnameable(name) or find_uncountable(name, form)
            if finding is None:
                yield name, Form.NUMBER if name in self._request.numeric else form
            elif form is Form.TIME and self._request.keeps(name):
                if name in self._request.categorical:
                    raise WrongRequestError(f"{name!r} holds times, which are no categories")
                yield name, Form.NUMBER
            elif self._request.keeps(name):
                raise WrongDataError(f"{name!r} cannot be counted: {finding.message}")
            else:
                self._findings.append(finding)

    def _profile(self, forms: Mapping[str, Form]) -> dict[str, Profile]:
        profiles = {name: Profile(name, form) for name, form in forms.items()}
        sample = RowSample()
        for batch in self._read("choosing bins", forms):
            for name, profile in profiles.items():
                profile.add(batch.column(name))
            sample.add(batch)
        if not sum(self._rows.values()):
            raise WrongDataError("there are no rows in the files")
        rows = sample.get_rows()
        for name, profile in profiles.items():
            profile.sample = rows.column(name).combine_chunks()
        return profiles

    def _choose_counters(self, profiles: Mapping[str, Profile]) -> dict[str, Counter]:
        counters: dict[str, Counter] = {}
        for name, profile in profiles.items():
            finding = find_empty(profile, numeric=name in self._request.numeric)
            if finding is not None and self._request.keeps(name):
                raise WrongDataError(f"{name!r} cannot be counted: {finding.message}")
            finding = finding or self._find_unfit(profile)
            if finding is None or not finding.left_out:
                counters[name] = self._choose_counter(profile)
            self._find(finding)
        _check_size(counters)
        return counters

    def _find_unfit(self, profile: Profile) -> Finding | None:
        """What is said of columns that nobody asked for, and of outputs, which are kept."""
        if profile.name in self._request.predictions:
            finding = find_unfit(profile)
            return finding and replace(finding, left_out=False)
        return None if self._request.keeps(profile.name) else find_unfit(profile)

    def _choose_counter(self, profile: Profile) -> Counter:
        name, request = profile.name, self._request
        if profile.form is Form.NUMBER and name not in request.categorical and profile.finite:
            codes = profile.whole and _count_distinct(profile) < FEWEST_WHOLE_NUMBERS
            is_score = name in request.predictions and 0 <= profile.lowest <= profile.highest <= 1
            edges = choose_edges(
                profile.get_finite_sample(), profile.lowest, profile.highest, bins=request.bins
            )
            if name in request.numeric or (edges.size >= FEWEST_EDGES and not codes):
                return BinCounter(name, compute_score_edges() if is_score else edges)
        counts = profile.count_categories()
        return CategoryCounter(name, choose_categories(counts, request.categories))

    def _read(self, stage: str, forms: Mapping[str, Form]) -> Iterator[Batch]:
        """The rows of all files; a file that has changed meanwhile is noticed."""
        done, total = 0, sum(self._rows.values())
        for file in self._files:
            before = done
            for batch in read_batches(file, forms, batch_rows=self._batch_rows):
                yield batch
                done += batch.num_rows
                self._report(stage, done, total)
            if forms and done - before != self._rows[file.path]:
                raise WrongDataError(f"{file.name} changed while it was read")

    def _write(self, columns: dict[str, Any]) -> Baseline:
        outputs = self._request.predictions
        features: list[Column] = [column for name, column in columns.items() if name not in outputs]
        if not features:
            raise WrongDataError("no column is left for a feature", "Ask for some with --include.")
        sources = [
            SourceFile(name=file.name, rows=self._rows[file.path], digest=compute_digest(file.path))
            for file in self._files
        ]
        baseline = sign(
            Baseline(
                source=Source(rows=sum(self._rows.values()), files=tuple(sources)),
                targets=self._request.targets,
                features=tuple(features),
                outputs=tuple(columns[name] for name in dict.fromkeys(outputs)),
            )
        )
        size = len(print_baseline(baseline).encode())
        if size > MAX_BYTES:
            raise WrongDataError(
                f"the baseline has {size:,} bytes; a ConfigMap takes {MAX_BYTES:,}",
                "Leave columns out with --exclude, or ask for fewer --categories or --bins.",
            )
        self._find(find_few_rows(baseline.source.rows))
        return baseline

    def _find(self, finding: Finding | None) -> None:
        if finding is not None:
            self._findings.append(finding)


def _count_distinct(profile: Profile) -> float:
    return float("inf") if profile.distinct is None else len(profile.distinct)


def _check_size(counters: Mapping[str, Counter]) -> None:
    if len(counters) > MAX_COLUMNS:
        raise WrongDataError(
            f"there are {len(counters)} columns; at most {MAX_COLUMNS} can be watched",
            "Leave out those that the model does not need with --exclude.",
        )
    bins = sum(counter.bins for counter in counters.values() if isinstance(counter, BinCounter))
    if bins > MAX_BINS:
        raise WrongDataError(
            f"there are {bins:,} bins; at most {MAX_BINS:,} can be watched",
            "Leave columns out with --exclude, or ask for fewer --bins.",
        )

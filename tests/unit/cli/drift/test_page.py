"""The page: what it says, that it is whole, and that names in it are only names."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from holdfast.baseline.document import CategoricalColumn, Category
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.page import render_page
from holdfast.drift_protocol import FeatureCounts, Verdict, WindowResult
from tests.unit.cli.drift.answered import (
    AGE,
    CALM,
    CITY,
    COUNTS,
    DRIFT,
    DRIFTING,
    MISSING,
    NO_DRIFT,
    YOUNG,
    build_baseline,
    build_checks,
    build_subject,
    found,
    window,
)

_VOID = {"meta", "br", "img", "link", "input", "col"}


BY_CHANCE = replace(NO_DRIFT, windows=(window(found("age", 0.02, 2.0)),))
"""An effect above the floor, with little evidence."""


class Page(HTMLParser):
    """The elements of a page, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"} and data.strip():
            self.texts.append(" ".join(data.split()))

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def render(checks: Checks) -> Page:
    page = Page(render_page(checks, "0.1.0"))
    assert page.open == []
    return page


def read(checks: Checks) -> str:
    return " ".join(render(checks).texts)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        (build_checks(DRIFT), "▲ city drifts away from the training data City differs."),
        (build_checks(NO_DRIFT), "✓ No drift: live traffic looks like the training data"),
        (build_checks(YOUNG), "? Not known yet Still learning how this traffic varies."),
        (build_checks(replace(YOUNG, windows=())), "No window was looked at."),
        (build_checks(YOUNG), "Nothing is known of it yet."),
        (build_checks(NO_DRIFT), "3 without drift"),
        (build_checks(DRIFT), "1 drifting, 2 without drift"),
        (build_checks(DRIFT), "Changed most: never seen in training: 0.0% in training, 4.0% now"),
        (build_checks(DRIFT), "1 hour 1,000 0.050 0.010 30.0 6.0 drifts"),
        (build_checks(DRIFT), "real, but below the floor"),
        (build_checks(BY_CHANCE), "no drift: may be chance"),
        (build_checks(NO_DRIFT), "Windows end 2026-11-25 15:20 UTC"),
        (build_checks(NO_DRIFT), "Baseline sha256:"),
    ],
)
def test_what_is_said(checks: Checks, said: str) -> None:
    assert said in read(checks)


def test_quality_is_told_where_it_belongs() -> None:
    broken = replace(DRIFT, windows=(replace(CALM, quality=(MISSING,)),))
    text = read(build_checks(broken))
    said = "age: rows without a value are 20.0% in the window of 1 hour, 6.0% allowed"
    assert text.count(said) == 2
    assert "exceeds a quality limit" in text


def test_it_needs_nothing_else() -> None:
    page = render(build_checks(NO_DRIFT, DRIFT))
    assert not page.find("script")
    assert not page.find("link")
    assert not page.find("img")
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")}
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#"), attributes
    (policy,) = [each["content"] for each in page.find("meta") if "http-equiv" in each]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "url(" not in render_page(build_checks(DRIFT), "0.1.0")


def test_links_lead_somewhere() -> None:
    page = render(build_checks(DRIFT))
    places = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    wanted = {(attributes["href"] or "")[1:] for attributes in page.find("a")}
    assert wanted <= places
    labels = {attributes["aria-labelledby"] for attributes in page.find("section")}
    assert labels <= places


def test_every_drawing_has_words_or_is_hidden_from_those_who_cannot_see() -> None:
    drawings = render(build_checks(NO_DRIFT, DRIFT)).find("svg")
    assert drawings
    for attributes in drawings:
        label = attributes.get("aria-label")
        assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and label)
    labels = " ".join(attributes.get("aria-label") or "" for attributes in drawings)
    assert "Shares of age by bins, training data beside live traffic." in labels
    assert "Effect over the checks in the window of 1 hour: city from 0.004 to 0.050" in labels


def test_drawings_are_well_formed() -> None:
    text = render_page(build_checks(NO_DRIFT, DRIFT), "0.1.0")
    parts = text.split("<svg")[1:]
    for part in parts:
        ET.fromstring("<svg" + part.partition("</svg>")[0] + "</svg>")  # noqa: S314 -- our own


EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "\u202egnp.exe",
)


@pytest.mark.parametrize("evil", EVIL)
def test_names_and_categories_are_text(evil: str) -> None:
    shown, harmless = render(name_everything(evil)), render(name_everything("age"))
    tags = [sorted(tag for tag, _ in page.elements) for page in (shown, harmless)]
    assert tags[0] == tags[1]
    for page in (shown, harmless):
        names = {name for _, attributes in page.elements for name in attributes}
        assert not {name for name in names if name.startswith("on")}
    assert " ".join(evil.split()) in " ".join(shown.texts)


def name_everything(name: str) -> Checks:
    """A page on which a name stands wherever the makers of data and models may put one."""
    column = AGE.model_copy(update={"name": name})
    categories = (Category(value=name, count=600), Category(value="Brno", count=350))
    city = CategoricalColumn(name="city", n=1000, missing=0, categories=categories, other=50)
    windows: list[WindowResult] = []
    for each in (CALM, replace(DRIFTING, seconds=60)):
        features = tuple(
            replace(result, feature=name if result.feature == "age" else result.feature)
            for result in each.features
        )
        counts = (FeatureCounts(name, *_rest(COUNTS[0])), *COUNTS[1:])
        quality = (replace(MISSING, feature=name),)
        windows.append(replace(each, features=features, counts=counts, quality=quality))
    answer = replace(DRIFT, drifting=(name,), message=f"{name} differs.", windows=tuple(windows))
    subject = replace(build_subject(build_baseline(column, city)), model=name)
    return build_checks(answer, answer, subject=subject, exclude=(f"not {name}",))


def _rest(counts: FeatureCounts) -> tuple[tuple[int, ...], int]:
    return counts.counts, counts.missing


def test_credentials_of_prometheus_do_not_appear() -> None:
    subject = build_subject(url="http://user:hunter2@prometheus:9090/path")
    text = render_page(build_checks(DRIFT, subject=subject), "0.1.0")
    assert "http://prometheus:9090/path" in text
    assert "hunter2" not in text


def test_settings_are_told() -> None:
    features = {"exclude": ["city"], "overrides": [{"name": "age", "minEffect": "0.05"}]}
    subject = build_subject(falseAlarmsPerYear="0.5", features=features)
    text = read(build_checks(DRIFT, subject=subject))
    assert "Budget 0.5 false alarms per year" in text
    assert "Other floors age 0.050" in text
    assert "Not looked at city" in text
    assert "2 features and outputs" in text


def test_many_features_stay_a_small_file() -> None:
    columns = [AGE.model_copy(update={"name": f"f{index}"}) for index in range(199)]
    subject = build_subject(build_baseline(*columns))
    features = tuple(found(column.name, 0.001, 1.0) for column in columns)
    counts = tuple(FeatureCounts(column.name, *_rest(COUNTS[0])) for column in columns)
    answer = replace(NO_DRIFT, windows=(replace(CALM, features=features, counts=counts),))
    text = render_page(build_checks(answer, subject=subject), "0.1.0")
    assert len(text) < 2_000_000


@pytest.mark.parametrize("verdict", list(Verdict))
def test_no_verdict_without_windows_fails(verdict: Verdict) -> None:
    assert read(build_checks(replace(NO_DRIFT, verdict=verdict, windows=())))


def test_an_empty_column_can_be_drawn() -> None:
    empty = CITY.model_copy(update={"categories": (), "other": 1000})
    subject = build_subject(build_baseline(AGE, empty))
    assert "city" in read(build_checks(NO_DRIFT, subject=subject))

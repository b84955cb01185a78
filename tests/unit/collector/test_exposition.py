"""What Prometheus reads is what was counted, whatever the names of columns."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.collector import families
from holdfast.collector.exposition import Exposition
from holdfast.collector.layout import Categorical, Layout, Numeric, Side, Table
from holdfast.collector.revisions import RevisionKey, Revisions

KEY = RevisionKey("ml", "m-00000000")
UGLY = 'a"b\\c\nd{}=, é'


@pytest.fixture
def revisions() -> Revisions:
    revisions = Revisions(most_unknown=5, idle_seconds=10)
    revision = revisions.know(KEY, "m", 0)
    columns = (Numeric("x", (-1.0, 0.1, 2e30)), Categorical(UGLY, ("é", UGLY, "")))
    revision.use_layout(Layout(Side(columns), Side(())), "sha256:1")
    return revisions


def read(revisions: Revisions) -> dict[tuple[str, str], float]:
    return {
        (sample.name, "|".join(list(sample.labels.values())[3:])): sample.value
        for family in text_string_to_metric_families(Exposition(revisions).render().decode())
        for sample in family.samples
    }


def test_counts_are_cumulative_and_names_survive(revisions: Revisions) -> None:
    revision = revisions.find(*KEY)
    assert revision
    rows = Table(5, [[-1, 0.1, 0.2, 1e31, None], ["é", UGLY, "", "?", None]])
    revision.add(rows, request=True)
    read_back = read(revisions)
    bucket, categories = "holdfast_feature_value_bucket", "holdfast_feature_categories_total"
    assert [read_back[bucket, f"x|{le}"] for le in ("-1.0", "0.1", "2e+30", "+Inf")] == [1, 2, 3, 4]
    assert read_back["holdfast_feature_value_count", "x"] == 4
    assert {
        label: read_back[categories, f"{UGLY}|{label}"]
        for label in ("é", UGLY, "", "__other__", "__unseen__")
    } == {"é": 1, UGLY: 1, "": 1, "__other__": 0, "__unseen__": 1}
    assert read_back["holdfast_feature_missing_total", "x"] == 1
    assert read_back["holdfast_feature_missing_total", UGLY] == 1
    assert read_back["holdfast_baseline_info", "sha256:1"] == 1


def test_each_metric_stands_once_with_its_type(revisions: Revisions) -> None:
    revisions.know(RevisionKey("ml", "n-00000000"), "n", 0)
    found = list(text_string_to_metric_families(Exposition(revisions).render().decode()))
    names = [f"{each.name}_total" if each.type == "counter" else each.name for each in found]
    assert names == [family.name for family in families.BY_REVISION]
    assert [each.type for each in found] == [family.kind for family in families.BY_REVISION]
    assert [each.documentation for each in found] == [
        family.help for family in families.BY_REVISION
    ]
    for each, family in zip(found, families.BY_REVISION, strict=True):
        for sample in each.samples:
            assert set(sample.labels) - {"le"} == set(family.labels)


def test_names_follow_what_is_known_of_a_revision(revisions: Revisions) -> None:
    exposition = Exposition(revisions)
    revision = revisions.track("ml", "long-name-0123abcd", 0)
    assert revision
    assert b'modeldeployment="long-name",revision="long-name-0123abcd"' in exposition.render()
    revisions.know(revision.key, "other", 0)
    assert b'modeldeployment="other",revision="long-name-0123abcd"' in exposition.render()
    revision.use_layout(Layout(Side((Numeric("new", (1.0, 2.0)),)), Side(())), "sha256:2")
    assert b'revision="long-name-0123abcd",feature="new"' in exposition.render()


def test_revisions_that_nobody_names_are_forgotten_when_they_are_idle(revisions: Revisions) -> None:
    revisions.track("ml", "stranger", 0)
    revisions.forget_idle(10)
    assert [each.key for each in revisions] == [KEY]  # the operator names it
    revisions.unname_all_but(())
    revisions.track(*KEY, 15)
    revisions.forget_idle(20)
    assert len(revisions) == 1  # events still come
    revisions.forget_idle(25)
    assert len(revisions) == 0
    for number in range(5):
        assert revisions.track("ml", f"stranger-{number}", 30)
    assert revisions.track("ml", "one-too-many", 30) is None

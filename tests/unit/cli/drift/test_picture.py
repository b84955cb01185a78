"""The picture for a chat."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from holdfast.cli.drift.picture import draw_picture
from holdfast.drift_protocol import CheckAnswer
from tests.unit.cli.drift.answered import (
    AGE,
    DRIFT,
    NO_DRIFT,
    YOUNG,
    build_baseline,
    build_checks,
    build_subject,
)


def draw(answer: CheckAnswer) -> Image.Image:
    return Image.open(io.BytesIO(draw_picture(build_checks(answer))))


@pytest.mark.parametrize("answer", [DRIFT, NO_DRIFT, YOUNG])
def test_it_is_a_card(answer: CheckAnswer) -> None:
    picture = draw(answer)
    assert (picture.format, picture.size) == ("PNG", (1200, 630))


def test_verdicts_look_different() -> None:
    corners = {draw(answer).convert("RGB").getpixel((3, 3)) for answer in (DRIFT, NO_DRIFT, YOUNG)}
    assert len(corners) == 3


def test_live_bars_are_there_only_where_live_is_known() -> None:
    def count(answer: CheckAnswer) -> int:
        pixels = np.asarray(draw(answer).convert("RGB"))
        return int((pixels == (0x4A, 0x8F, 0xD4)).all(axis=2).sum())

    assert count(YOUNG) == 0
    assert count(DRIFT) > 10_000


@pytest.mark.parametrize("name", ["$\\frac{1}{0}$", "a$b$c", "<b>", "価格", "x" * 128])
def test_any_name_can_be_drawn(name: str) -> None:
    subject = build_subject(build_baseline(AGE.model_copy(update={"name": name})))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_picture(build_checks(NO_DRIFT, subject=subject))

"""Whatever comes: no crash, no growth, every event in exactly one outcome, good ones exact.

`tests/fuzz` plays a million inputs; these are the same few in every run.
"""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.connection import Wire
from tests.fuzz.defects import DEFECTS
from tests.fuzz.goods import (
    JSON_FORMS,
    WAYS,
    Expected,
    Message,
    expect,
    write_binary,
    write_json,
    write_message,
)
from tests.fuzz.mutation import correct_length, mutate_document
from tests.fuzz.strategies import MESSAGES, goods
from tests.fuzz.subject import BrokenError, Subject
from tests.fuzz.wire import list_requests, list_seeds, read_message
from tests.mutants.mutants import SOURCE, Mutant


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(MESSAGES | goods(), min_size=1, max_size=8))
def test_whatever_comes(events: list[Message | tuple[Message, Expected]]) -> None:
    subject = Subject()
    for event in events:
        if isinstance(event, Message):
            subject.feed(event)
        else:
            subject.forget_pairs()
            subject.feed_good(*event)
    subject.look()


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(width=32), st.sampled_from(["1", "2", "3", ""])), max_size=5))
def test_every_form_of_the_same_rows_counts_the_same(rows: list[tuple[float, str]]) -> None:
    subject = Subject()
    binary, length = write_binary(rows)
    bodies = [(write_json(rows, form), None) for form in JSON_FORMS if rows or form != "matrix"]
    for number, (body, hint) in enumerate([*bodies, (binary, length)]):
        for way in WAYS:
            subject.feed_good(write_message(f"{number}-{way}", body, way, hint), expect(rows))


def test_seeds_of_the_guided_engines() -> None:
    subject = Subject()
    for seed in list_seeds():
        subject.feed(read_message(seed))
    wire = Wire(subject)
    for seed in list_requests():
        wire.send(seed)
        subject.finish_input(0)
    subject.look()
    assert set(subject.list_reasons()) >= {"BadHTTP", "BodyIncomplete", "NotAnEvent", "Malformed"}


def test_what_is_not_counted_is_noticed() -> None:
    subject = Subject()
    subject.feed(read_message(list_seeds()[0]))
    age = subject.revision.inputs[0]
    age.missing += 1
    with pytest.raises(BrokenError, match="AGE"):
        subject.feed(read_message(list_seeds()[1]))
    age.missing -= 1
    wrong = expect([(10, "1")])
    good = write_message("x", write_json([(30, "1")], "lists"), "gzip")
    with pytest.raises(BrokenError, match="good event"):
        subject.feed_good(good, wrong)


def test_documents_stay_documents_when_they_are_changed() -> None:
    data = b'\7\0\0\0{"instances": [[1, 2]]}\1\2'
    changed = {mutate_document(data, Random(number)) for number in range(50)}  # noqa: S311
    assert len(changed) > 20
    for each in changed:
        assert each is not None
        assert each.startswith(data[:4])
        assert each.endswith(b"}\1\2")
        json.loads(each[4:-2])
    assert mutate_document(b"no document", Random(1)) is None  # noqa: S311
    request = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    assert correct_length(request + b"12345") == request.replace(b"2\r", b"5\r") + b"12345"


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_defects_still_apply(defect: Mutant) -> None:
    assert (SOURCE / "holdfast" / defect.file).read_text().count(defect.old) == 1

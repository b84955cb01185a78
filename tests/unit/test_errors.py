"""What is made of the API server's sentences before people read them."""

import pytest

from holdfast.clients.errors import Invalid, build_error_from_status

WHERE = '  .spec.predictor.model.env[name="PASSWORD"]'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            f"errors:\n{WHERE}.value: expected string, got &value.valueUnstructured{{Value:42}}",
            f"errors:\n{WHERE}.value: expected string",
        ),
        (
            "errors:\n  .spec.env: expected list, got &{two\nlines}\n  .spec.x: field not declared",
            "errors:\n  .spec.env: expected list\n  .spec.x: field not declared",
        ),
        (f"errors:\n{WHERE}.x: field not declared", f"errors:\n{WHERE}.x: field not declared"),
    ],
    ids=["number", "several lines", "nothing to hide"],
)
def test_values_of_the_wrong_type_are_not_repeated(said: str, told: str) -> None:
    prefix = "failed to create typed patch object (ml/m; v1): "
    error = build_error_from_status({"code": 500, "message": prefix + said})
    assert isinstance(error, Invalid)
    assert error.message == prefix + told

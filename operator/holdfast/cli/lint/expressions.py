"""CEL, as far as the CRD's rules need it, by CEL's own implementation."""

from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings


@cache
def _environment() -> cel.Env:
    # `self` is of any type: the schema has checked its shape before.
    return cel.NewEnv(variables={"self": cel.Type.DYN}, extensions=[ext_strings.ExtStrings()])


@cache
def _compile(expression: str) -> cel.Expression:
    return _environment().compile(expression)


@cache
def _compile_pattern() -> cel.Expression:
    environment = cel.NewEnv(variables={"text": cel.Type.STRING, "pattern": cel.Type.STRING})
    return environment.compile("text.matches(pattern)")


def holds(rule: str, value: Any) -> bool:
    """Whether a rule holds for a value; one that cannot be evaluated does not.

    Raises:
        RuntimeError: the rule is no CEL, or uses what this implementation does not have.
    """
    return _compile(rule).eval(data={"self": value}).value() is True


def tell(expression: str, value: Any) -> str:
    """What a rule says of a value that it does not hold for."""
    return str(_compile(expression).eval(data={"self": value}).value())


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern, by RE2 as in the API server and not by Python's rules."""
    return _compile_pattern().eval(data={"text": text, "pattern": pattern}).value() is True

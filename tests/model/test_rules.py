"""The model of the rules, in a few hundred histories that are the same in every run."""

from hypothesis import HealthCheck, Phase, settings

from tests.model.machine import ModelOfTheRules

ModelOfTheRules.TestCase.settings = settings(
    max_examples=100,
    # A campaign for new histories is `make soak`.
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestModelOfTheRules = ModelOfTheRules.TestCase

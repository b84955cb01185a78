import pytest

from holdfast.config import Config
from holdfast.settings import ConfigError


def test_everything_has_a_default() -> None:
    assert Config.from_environment({}) == Config()
    assert Config.from_environment({"HOLDFAST_WORKERS": " "}) == Config()


def test_every_setting_can_be_set() -> None:
    config = Config.from_environment(
        {
            "HOLDFAST_NAMESPACES": "team-a, team-b,team-a,",
            "HOLDFAST_WORKERS": "3",
            "HOLDFAST_RESYNC_SECONDS": "60",
            "HOLDFAST_CLUSTER_DOMAIN": "corp.example",
            "HOLDFAST_COLLECTOR_URL": "http://collector.monitoring:8080/",
            "HOLDFAST_PROMETHEUS_URL": "http://prometheus.monitoring:9090/",
            "HOLDFAST_LOG_FORMAT": "JSON",
            "HOLDFAST_LOG_LEVEL": "debug",
            "HOLDFAST_LISTEN_ADDRESS": "127.0.0.1",
            "HOLDFAST_LISTEN_PORT": "0",
        }
    )
    assert config == Config(
        namespaces=("team-a", "team-b"),
        workers=3,
        resync_seconds=60,
        cluster_domain="corp.example",
        collector_url="http://collector.monitoring:8080",
        prometheus_url="http://prometheus.monitoring:9090",
        log_format="json",
        log_level="DEBUG",
        listen_address="127.0.0.1",
        listen_port=0,
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HOLDFAST_NAMESPACES", "team_a", "team-a,team-b"),
        ("HOLDFAST_WORKERS", "0", "from 1 to 256"),
        ("HOLDFAST_WORKERS", "many", "from 1 to 256"),
        ("HOLDFAST_WORKERS", "²", "from 1 to 256"),
        ("HOLDFAST_RESYNC_SECONDS", "1.5", "from 10 to 86400"),
        ("HOLDFAST_CLUSTER_DOMAIN", "cluster local", "cluster.local"),
        ("HOLDFAST_COLLECTOR_URL", "collector:8080", "is not an HTTP URL"),
        ("HOLDFAST_PROMETHEUS_URL", "prometheus:9090", "is not an HTTP URL"),
        ("HOLDFAST_LOG_FORMAT", "xml", "text, json"),
        ("HOLDFAST_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("HOLDFAST_LISTEN_ADDRESS", "http://x", "127.0.0.1"),
        ("HOLDFAST_LISTEN_PORT", "65536", "from 0 to 65535"),
    ],
)
def test_a_wrong_value_says_which_what_and_what_to_write(
    variable: str, value: str, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_environment({variable: value})
    message = str(caught.value)
    assert variable in message
    assert repr(value) in message or value in message
    assert says in message


def test_password_is_refused_and_not_told() -> None:
    with pytest.raises(ConfigError, match="HOLDFAST_PROMETHEUS_URL") as caught:
        Config.from_environment({"HOLDFAST_PROMETHEUS_URL": "http://user:secret@prometheus:9090"})
    assert "secret" not in str(caught.value)


def test_what_kubernetes_sets_for_a_service_called_holdfast_is_not_ours() -> None:
    environment = {"HOLDFAST_PORT": "tcp://10.0.0.1:80", "HOLDFAST_SERVICE_HOST": "10.0.0.1"}
    assert Config.from_environment(environment) == Config()

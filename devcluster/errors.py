"""What can go wrong with a devcluster, in words for the person who started it."""


class DevclusterError(Exception):
    """A failure whose message says what to do; shown without a traceback."""


class BuildError(DevclusterError):
    """A tool could not be built."""


class AlreadyRunningError(DevclusterError):
    """Another process runs a cluster in the same directory."""


class NotRunningError(DevclusterError):
    """No cluster runs in the directory."""


class StartupError(DevclusterError):
    """A component did not become ready in time."""


class ComponentDiedError(DevclusterError):
    """A component ended by itself."""

"""Rewrites mount paths to the directories that stand for them.

A process without a mount namespace cannot have a volume at `/mnt/models`. The volume is a directory
of the pod, and every mention of the mount path in commands, arguments and environment is replaced.
"""

import re
from collections.abc import Mapping


def rewrite_paths(text: str, mounts: Mapping[str, str]) -> str:
    """Replace every mount path in a text by its host path.

    A mention counts only as a whole path or as the beginning of one: `/mnt/models` and
    `/mnt/models/x`, also after `=`, `:` or `file://`, but neither `/mnt/models2` nor
    `http://host/mnt/models`. Of nested mounts the longest wins.

    Args:
        text: An argument or a value.
        mounts: Absolute mount path to host path.
    """
    paths = sorted((path.rstrip("/") for path in mounts), key=len, reverse=True)
    paths = [path for path in paths if path]
    if not paths:
        return text
    targets = {path.rstrip("/"): target for path, target in mounts.items()}
    pattern = r"(?:(?<=file://)|(?<![\w./-]))(" + "|".join(map(re.escape, paths)) + r")(?![\w.-])"
    return re.sub(pattern, lambda match: targets[match[1]], text)


def replace_port_flags(argv: list[str], flags: list[str], ports: Mapping[int, int]) -> list[str]:
    """Replace container ports given as values of some flags by their loopback ports.

    Args:
        argv: Arguments; `--flag value` and `--flag=value` are both understood.
        flags: The flags, with their dashes.
        ports: Container port to loopback port; other values stay.
    """

    def replace(value: str) -> str:
        return str(ports.get(int(value), value)) if value.isdigit() else value

    result: list[str] = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        if equals and name in flags:
            result.append(f"{name}={replace(value)}")
        elif result and result[-1] in flags:
            result.append(replace(argument))
        else:
            result.append(argument)
    return result

"""The `holdfast` command, also `kubectl holdfast`: what an ordinary user of a cluster needs."""

"""What Holdfast decides, as pure functions: no I/O, no clock."""

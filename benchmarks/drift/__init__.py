"""`make bench`, part drift: false alarms, power and cost of the drift check, beside its peers."""

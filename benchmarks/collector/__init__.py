"""What the collector costs: events on one core, and the model that it listens to."""

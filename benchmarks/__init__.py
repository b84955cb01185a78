"""How fast and how cheap Holdfast is, measured against a peer or a floor in the same run."""

"""The example: who is employed, predicted from the American Community Survey."""

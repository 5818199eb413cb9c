"""Measurements: the product beside what its users would do instead, in one run (`make bench`)."""

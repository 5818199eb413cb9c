"""Scenarios that every change of the product must pass: the files beside this, and the sweep."""

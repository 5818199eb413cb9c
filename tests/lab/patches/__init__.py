"""Patches of ministack and moto, each in a module of its own with its reason."""

"""The page Compare: a fake beside its original."""

"""A fake beside its original: how alike they are at each moment, where they differ, whether they belong together."""

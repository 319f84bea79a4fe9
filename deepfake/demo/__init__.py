"""The built-in data set: synthetic clips, made from what is installed."""

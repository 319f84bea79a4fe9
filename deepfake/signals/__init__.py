"""Signals: each one kind of evidence, measured over time as a SignalTrace."""

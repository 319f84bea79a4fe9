"""The page History: what the store has."""

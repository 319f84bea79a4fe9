"""The page Evaluate: verdicts against labels."""

"""How the shipped detector was made: data, recipe, evaluation. Not needed to run the application."""

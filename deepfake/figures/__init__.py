"""Results as Plotly figures, and faces drawn on frames. Pure: nothing is read, nothing is kept."""

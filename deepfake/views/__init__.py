"""Pictures and clips made when somebody asks to see them."""

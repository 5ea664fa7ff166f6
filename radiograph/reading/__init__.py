"""Reading image files into upright grey pixels."""

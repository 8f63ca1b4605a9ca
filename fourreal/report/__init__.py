"""A method judged as the paper judged its own: scores beside the paper's, what people said, clips side by side."""

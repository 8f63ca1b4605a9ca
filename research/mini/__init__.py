"""Training of the embedded model: data, steps, and how what came out is judged."""

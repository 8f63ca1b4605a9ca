"""Many scenes from one file: what is to be made, who makes it, and how far it is."""

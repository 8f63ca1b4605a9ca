"""The finished 4D scene: the value, its bundle on disk, what it can be exported to."""

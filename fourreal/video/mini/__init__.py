"""The embedded video model: small, trained on procedural scenes, and shipped with its weights. A demonstration."""

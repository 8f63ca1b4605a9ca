"""How good a scene is: metrics, and scores against ground truth that no video shows."""

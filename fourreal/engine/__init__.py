"""Where work is done: in processes of this machine, or on the nodes of a Ray cluster, behind one protocol."""

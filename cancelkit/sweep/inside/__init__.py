"""What runs in the sweep's own processes, around the program: nothing here is seen by it, or is a point of its run."""

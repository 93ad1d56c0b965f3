"""One file an exercise: the inputs it is tried with, what is right, and what its usual mistakes look like."""

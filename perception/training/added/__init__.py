"""Training the head of a task that a user adds: on features of the frozen network, computed once."""

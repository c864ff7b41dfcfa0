"""What sharing and balancing did to every task: runs, their comparison, and what foretells it."""

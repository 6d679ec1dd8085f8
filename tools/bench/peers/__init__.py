"""What does a peer need for the same workload? Each script runs in its own environment and imports nothing of ours."""

"""Who else could do it? A script per peer and work, run in an environment of its own: it imports nothing of ours."""

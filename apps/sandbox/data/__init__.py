"""What happened in the sample company? People, issues, pull requests and deliveries, drawn from a seed."""

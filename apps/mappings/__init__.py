"""What a provider calls its types and statuses, and what they are to the tenant."""

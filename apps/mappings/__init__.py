"""What do a provider's types and statuses mean for a tenant?"""

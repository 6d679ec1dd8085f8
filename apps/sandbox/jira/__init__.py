"""How does Jira Cloud answer? These are its platform, agile and dev-status endpoints on the sample world."""

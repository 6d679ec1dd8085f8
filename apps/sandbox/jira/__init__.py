"""How does Jira Cloud answer? These are its platform, agile and dev-status end points on the sample world."""

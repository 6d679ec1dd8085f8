"""How does Jira Cloud answer? Its platform, agile and dev-status end points over the sample world."""

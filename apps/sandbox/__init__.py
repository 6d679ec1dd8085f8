"""Which Jira and GitHub can everybody try, test and measure against? This sample one, over real HTTP."""

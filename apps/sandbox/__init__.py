"""Against which Jira and GitHub can everybody try, test and measure? Against these sample servers, over real HTTP."""

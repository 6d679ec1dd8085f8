"""Which Jira and GitHub can everybody use to try, test and measure? These sample servers, over real HTTP."""

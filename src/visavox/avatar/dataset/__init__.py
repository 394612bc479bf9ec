"""One person's footage made into their data set."""

"""The command line: `app` holds the table of commands and turns errors into one line; one module
per group of them."""

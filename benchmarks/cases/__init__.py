"""What is measured: problems, where their data lies, and what every contender must find on them."""

"""What the data say of w and b beside their best values: errors, tests, intervals, influence."""

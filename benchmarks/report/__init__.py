"""What becomes of a measurement: JSON, tables, figures, and the comparison with an older one."""

"""Tables as they come: text, dates, gaps and all, made into the numbers of X.

    bytes       where the bytes of a table lie: a file, packed or not, or a pipe
    dialect     how a text table is written: encoding, delimiter, quotes, header
    reading     a table of any format becomes an Arrow table, with what was noticed on the way
    words       what words of a column mean: numbers, dates, nothing
    columns     the plan of one column: what it becomes in X, and how that is computed
    given       rows that a caller hands over, read as the plans say, by NumPy alone
    plan        the plans of all columns: made from training data, kept in the model, replayed

Training looks at each column once and makes a plan of it. The model file keeps the plans as
JSON, and new data go through the same plans, column by column, by name.
"""
